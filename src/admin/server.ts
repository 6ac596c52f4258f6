/** The admin listener: dashboard, API, metrics, health. Puts its plugins together. */
import type { AddressInfo } from 'node:net';
import type { Server, TlsOptions } from 'node:tls';
import swagger from '@fastify/swagger';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import fp from 'fastify-plugin';
import type { Logger } from 'pino';
import type {} from '../../plugins/bans.ts';
import { hostPort } from '../address/host-port.ts';
import type { BanService } from '../bans/ban-service.ts';
import type { MailBans } from '../bans/mail-bans.ts';
import type { AdminConfig } from '../config/config.ts';
import { codedError } from '../errors.ts';
import { bindFailure } from '../listener/bind.ts';
import { type CertificateFiles, Certificates } from '../listener/certificates.ts';
import type { MetricSource, Sample } from '../metrics/metrics.ts';
import { serveMetrics } from '../metrics/metrics-route.ts';
import { packageJson } from '../package-json.ts';
import { Access, makeToken } from './access.ts';
import { admin } from './admin.ts';
import { bansDocumented, bansRoutes, unchecked } from './bans-api.ts';
import { adminClients } from './clients-api.ts';
import { dashboard } from './dashboard.ts';
import { adminEvents, type EventsApiOptions } from './events-api.ts';
import { adminOrigins } from './origins-api.ts';
import { adminReports, type ReportApiOptions } from './report-api.ts';
import { adminStatus, type StatusApiOptions } from './status-api.ts';
import { adminStream, type StreamApiOptions } from './stream-api.ts';
import { WrongTokens } from './wrong-tokens.ts';

export interface AdminServer {
  /** `admin http://127.0.0.1:9090`. */
  readonly listener: string;
  /** The generated token; null: the config has one. */
  readonly madeToken: string | null;
  /** The current token. */
  readonly token: string;
  replaceToken(token: string): void;
  /** Generates a new token, for a reload that removes the configured one; it is the `madeToken` from then on. */
  makeToken(): void;
  /** Reads certificate and key again, if the listener speaks TLS; on failure the old ones stay in use. */
  reloadCertificate(config: AdminConfig | null): void;
  close(): Promise<void>;
}

export interface AdminServerOptions
  extends Omit<EventsApiOptions, 'bannedBy'>,
    StatusApiOptions,
    Omit<StreamApiOptions, 'access'>,
    Omit<ReportApiOptions, 'isExempt'> {
  readonly log: Logger;
  /** Null: bans are off. */
  readonly bans: BanService | null;
  /** Bans that apply only at the mail guard; null: bans are off. */
  readonly mailBans: MailBans | null;
  readonly ready: () => boolean;
  readonly metrics: MetricSource;
}

/** @throws Error if the listener can't bind, or its certificate can't be read */
export async function startAdminServer(
  config: AdminConfig,
  options: AdminServerOptions,
): Promise<AdminServer> {
  const { listen, tls } = config;
  let madeToken = config.token === null ? makeToken() : null;
  let token = config.token ?? madeToken!;
  const access = new Access(token, tls !== null);
  let certificates = tls === null ? null : certificatesOf(tls, options.log, () => replaceCertificate());
  const app = await buildAdminApp(access, () => certificates, options);
  const replaceCertificate = (): void => certificates?.apply(app.server as unknown as Server);
  replaceCertificate();
  try {
    await app.listen({ host: listen.host, port: listen.port, exclusive: true });
  } catch (error) {
    certificates?.close();
    await app.close();
    const { message } = bindFailure(
      error as NodeJS.ErrnoException,
      listen,
      'admin',
      'stop that program, or set another port in admin.listen',
    );
    throw codedError('SEKISHO_ERR_LISTEN', message, { cause: error });
  }
  const { address, port } = app.server.address() as AddressInfo;
  return {
    listener: `admin ${tls === null ? 'http' : 'https'}://${hostPort(address, port)}`,
    get madeToken() {
      return madeToken;
    },
    get token() {
      return token;
    },
    replaceToken: (next) => {
      token = next;
      madeToken = null;
      access.replaceToken(next);
    },
    makeToken: () => {
      token = madeToken = makeToken();
      access.replaceToken(token);
    },
    reloadCertificate: (next) => {
      if (tls === null || next === null || next.tls === null) return;
      try {
        const renewed = certificatesOf(next.tls, options.log, () => replaceCertificate(), certificates);
        certificates?.close(true);
        certificates = renewed;
        replaceCertificate();
      } catch (error) {
        options.log.error(error, notReloaded);
      }
    },
    close: async () => {
      certificates?.close();
      await app.close();
    },
  };
}

const notReloaded = 'the certificate of the admin listener was not reloaded';

/** @throws Error if the files can't be used */
const certificatesOf = (
  files: readonly CertificateFiles[],
  log: Logger,
  onReload: () => void,
  before: Certificates | null = null,
): Certificates =>
  new Certificates(files, { onError: (error) => log.error(error, notReloaded), onReload }, null, before);

/** With the certificates of the sites, SNI selects one. @param certificates the current ones */
const https = (certificates: () => Certificates | null): object => {
  const now = certificates();
  if (now === null) return {};
  const SNICallback: TlsOptions['SNICallback'] = (name, done) => done(null, certificates()?.contextFor(name));
  return { https: { ...now.standard, SNICallback } };
};

async function buildAdminApp(
  access: Access,
  certificates: () => Certificates | null,
  { log, bans, mailBans, ready, metrics: source, ...api }: AdminServerOptions,
): Promise<FastifyInstance> {
  const app = Fastify({
    ...https(certificates),
    loggerInstance: log.child({}, { level: 'warn' }) as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 64 * 1024,
    requestTimeout: 30_000,
    // An open live feed would block close().
    forceCloseConnections: true,
    // A malformed path never reaches a route, so the token check does not run: refuse it like a request without a token.
    frameworkErrors: (_error: Error, _request: FastifyRequest, reply: FastifyReply) => {
      reply
        .code(401)
        .header('WWW-Authenticate', 'Bearer realm="sekisho"')
        .send({ error: 'a token is needed' });
    },
    ajv: { customOptions: { coerceTypes: true, removeAdditional: false } },
  } as object) as FastifyInstance;
  // Before the routes: swagger collects them in an onRoute hook.
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Sekisho admin API',
        version: packageJson.version,
        description: packageJson.description,
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
  });
  const wrongTokens = new WrongTokens(log);
  await app.register(admin, { access, wrongTokens, ready });
  await app.register(adminEvents, { ...api, bannedBy: (prefix) => bannedBy(bans, prefix) });
  await app.register(adminStatus, api);
  await app.register(adminStream, { stream: api.stream, access });
  await app.register(adminOrigins, { journal: api.journal, originOf: api.originOf });
  await app.register(adminClients, {
    journal: api.journal,
    bannedBy: (prefix) => bannedBy(bans, prefix),
    originOf: api.originOf,
  });
  await app.register(adminReports, {
    journal: api.journal,
    reporter: api.reporter,
    originOf: api.originOf,
    isExempt: (address) => bans?.ledger.isExempt(address) ?? false,
  });
  const wrongTokensMetric = {
    name: 'admin_wrong_tokens_total',
    help: 'Wrong tokens at the admin listener.',
    type: 'counter' as const,
    samples: (): readonly Sample[] => [[{}, wrongTokens.total]],
  };
  serveMetrics(app, { ...source, others: [...source.others, wrongTokensMetric] }, '/metrics', null);
  if (bans === null) await app.register(noBans);
  else {
    app.decorate('bans', bans);
    await app.register(bansRoutes, { mail: mailBans?.ledger ?? null });
  }
  app.get('/api/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  await app.register(dashboard);
  await app.ready();
  return app;
}

function bannedBy(bans: BanService | null, prefix: string): string | null {
  if (bans === null || bans.ledger.isExempt(prefix.split('/', 1)[0]!)) return null;
  return bans.ledger.banOf(prefix)?.prefix ?? (bans.ledger.isListed(prefix) ? 'list' : null);
}

const noBans = fp(async (app: FastifyInstance) => {
  const off = { error: 'bans are off: the config has bans: false' };
  const { list, add, remove } = bansDocumented;
  app.get('/api/bans', { schema: list, validatorCompiler: unchecked }, async () => ({
    bans: [],
    total: 0,
    listed: 0,
    off: true,
  }));
  app.post('/api/bans', { schema: add, validatorCompiler: unchecked }, async (_request, reply) =>
    reply.code(409).send(off),
  );
  app.delete('/api/bans/*', { schema: remove }, async (_request, reply) => reply.code(409).send(off));
});
