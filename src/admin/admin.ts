/**
 * The rules of the admin listener: a token or a session for every route that is not open, no caching, nothing loaded from other
 * origins. Register it before all routes.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { Access, type Pass } from './access.ts';
import { loginPage } from './login-page.ts';
import { requestLanguage } from './request-language.ts';
import { HealthAnswer } from './status-types.ts';
import type { WrongTokens } from './wrong-tokens.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route needs no token. */
    open?: boolean;
  }
  interface FastifyRequest {
    /** How the request was authenticated; null on open routes. */
    pass: Pass | null;
  }
}

export interface AdminOptions {
  readonly access: Access;
  readonly wrongTokens: WrongTokens;
  /** Whether the gateway accepts requests. */
  readonly ready: () => boolean;
}

const contentPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const headers = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': contentPolicy,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
} as const;

const safeMethods = new Set(['GET', 'HEAD']);

async function adminPlugin(
  app: FastifyInstance,
  { access, wrongTokens, ready }: AdminOptions,
): Promise<void> {
  app.decorateRequest('pass', null);

  app.addHook('onRequest', async (request, reply) => {
    reply.headers(headers);
    if (request.routeOptions.config.open) return undefined;
    const hasToken = Access.carriesToken(request.headers);
    const locked = hasToken ? wrongTokens.locked(request.ip, Date.now()) : 0;
    if (locked > 0) return tooMany(reply, locked);
    const pass = access.check(request.headers, Date.now());
    if (pass === null) {
      if (hasToken) await wrongTokens.wrong(request.ip, Date.now());
      return refuse(request, reply, false);
    }
    if (pass.by === 'session' && !safeMethods.has(request.method)) {
      // CSRF: another site, or another port of this host, can make a browser send the cookie, but cannot read this value.
      if (request.headers['x-sekisho-csrf'] !== pass.session.csrf)
        return reply.code(403).send({ error: 'the X-Sekisho-CSRF header is missing or wrong' });
    }
    request.pass = pass;
    return undefined;
  });

  app.setErrorHandler((error: { statusCode?: number; message: string }, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) request.log.error(error, 'an admin request failed');
    reply.code(status).send({ error: status >= 500 ? 'internal error: see the log' : error.message });
  });
  app.setNotFoundHandler((_request, reply) => {
    reply.code(404).send({ error: 'not found' });
  });
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: 4096 },
    async (_request: FastifyRequest, body: string) => Object.fromEntries(new URLSearchParams(body)),
  );

  const health = (summary: string) => ({
    config: { open: true },
    schema: { summary, security: [], response: { 200: HealthAnswer, 503: HealthAnswer } },
  });
  app.get('/healthz', health('200 while the process runs'), async () => ({ status: 'ok' }));
  app.get('/readyz', health('200 while it accepts requests, else 503'), async (_request, reply) => {
    if (ready()) return { status: 'ready' };
    return reply.code(503).send({ status: 'not ready' });
  });

  app.post<{ Body: { token?: unknown } | null }>(
    '/session',
    { config: { open: true }, schema: { hide: true } },
    async (request, reply) => {
      const token = request.body?.token;
      const site = request.headers['sec-fetch-site'];
      const sameOrigin = site === undefined || site === 'same-origin' || site === 'none';
      if (!sameOrigin || typeof token !== 'string') return refuse(request, reply, true);
      const locked = wrongTokens.locked(request.ip, Date.now());
      if (locked > 0) return tooMany(reply, locked);
      if (!access.isToken(token)) {
        await wrongTokens.wrong(request.ip, Date.now());
        return refuse(request, reply, true);
      }
      return reply.header('Set-Cookie', access.open(Date.now())).redirect('/', 303);
    },
  );
  app.delete('/session', { schema: { hide: true } }, async (request, reply) =>
    reply.header('Set-Cookie', access.close(request.headers.cookie)).code(204).send(),
  );
}

const tooMany = (reply: FastifyReply, seconds: number): FastifyReply =>
  reply
    .code(429)
    .header('Retry-After', String(seconds))
    .send({ error: `too many wrong tokens: try again in ${seconds} s` });

/** 401: the login page for a browser, JSON for a program. */
function refuse(request: FastifyRequest, reply: FastifyReply, failed: boolean): FastifyReply {
  reply.code(401).header('WWW-Authenticate', 'Bearer realm="sekisho"');
  const browser = (request.headers.accept ?? '').includes('text/html');
  if (!browser || !(failed || (request.method === 'GET' && request.url.split('?', 1)[0] === '/')))
    return reply.send({ error: 'a token is needed' });
  const { html, contentPolicy } = loginPage(failed, requestLanguage(request.headers));
  reply.header('Vary', 'Accept-Language, Cookie');
  return reply.header('Content-Security-Policy', contentPolicy).type('text/html; charset=utf-8').send(html);
}

export const admin = fp(adminPlugin, { name: 'sekisho-admin', fastify: '5.x' });
