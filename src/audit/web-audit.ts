/** The trials for one web or SOCKS port: every technique that applies, ready to run. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Baseline, isComplete, statusOf, withoutProof } from './answer.ts';
import { type AuditContext, bracketed } from './audit-context.ts';
import type { Challenge } from './canary.ts';
import { connectTechniques, destination, runConnect } from './connect-techniques.ts';
import {
  type FetchTechnique,
  fetchTechniques,
  type RequestValues,
  sentOf,
  traceTechnique,
} from './fetch-techniques.ts';
import type { Outcome, TechniqueId } from './finding.ts';
import type { FixKind } from './fixes.ts';
import { h2Techniques, openH2, runH2 } from './h2-techniques.ts';
import { proofOf, proven } from './proof.ts';
import type { Service } from './service.ts';
import { runSocks, socksDestination, socksTechniques } from './socks-techniques.ts';

/** One technique, ready to run. */
export interface Trial {
  readonly id: TechniqueId;
  readonly fix: FixKind;
  readonly sent: string;
  /** Skipped once a technique of the same rule has been relayed. */
  readonly unlessProven?: boolean;
  /** May run concurrently with others of its kind: most servers never answer it. */
  readonly together?: boolean;
  /** Runs alone: its connection to the canary looks like that of any other technique. */
  readonly alone?: boolean;
  /** @throws UnreachableError, BudgetError */
  run(): Promise<Outcome>;
  /** The outcome if the canary was reached after `run` ended: a relay may be slow. */
  late?(): Outcome | null;
}

/**
 * All trials for one port, in order.
 *
 * @param paths techniques that put the URL in a path or a parameter
 * @throws BudgetError
 */
export async function webTrials(
  context: AuditContext,
  service: Service,
  paths: readonly FetchTechnique[],
): Promise<Trial[]> {
  const http = service.speaks === 'http';
  const { baseline } = service;
  const trials: Trial[] = [];
  for (const technique of [...fetchTechniques, ...paths]) {
    if (!http && !technique.essential) continue;
    if (technique.sharesMachine && !context.sharesMachine) continue;
    const authority = (technique.by ?? (({ canary }) => canary.authority))(context);
    if (authority !== null) trials.push(fetchTrial(technique, context, service, authority));
  }
  for (const technique of connectTechniques) {
    if (!http && !technique.essential) continue;
    if (technique.ipv4 && !/^\d+(\.\d+){3}$/.test(context.canary.host)) continue;
    const to = destination(technique, context);
    if (to === null) continue;
    const [line, host] = technique.bytes(to, context, '').split('\r\n');
    trials.push({
      id: technique.id,
      fix: 'connect',
      sent: technique.id === 'connect/own-host-line' ? `${line} | ${host}` : line!,
      unlessProven: technique.unlessProven === true,
      run: () => runConnect(technique, context, baseline),
    });
  }
  for (const technique of socksTechniques) {
    const to = socksDestination(technique, context);
    if (to === null) continue;
    trials.push({
      id: technique.id,
      fix: 'socks',
      sent: `${technique.sent} to ${bracketed(to.host)}:${to.port}`,
      together: true,
      run: () => runSocks(technique, context, http),
    });
  }
  if (http) trials.push(traceTrial(context, baseline));
  return [...trials, ...(await h2Trials(context, service))];
}

const echoes: Outcome = {
  result: 'answers-itself',
  why: '200: echoes the request, cookies and credentials included',
};

const requestValues = (
  context: AuditContext,
  { path, id }: Pick<Challenge, 'path' | 'id'>,
  authority: string,
): RequestValues => ({
  own: context.own,
  ownHost: bracketed(context.name),
  canary: authority,
  canaryPort: context.canary.port,
  path,
  agent: `sekisho-audit ${id}`,
});

function fetchTrial(
  technique: FetchTechnique,
  context: AuditContext,
  { baseline, text }: Service,
  authority: string,
): Trial {
  const { canary, patience } = context;
  const { id, fix, marks } = technique;
  const challenge = canary.newChallenge();
  const values = requestValues(context, challenge, authority);
  let status: number | null = null;
  return {
    id,
    fix,
    sent: sentOf(technique, values),
    unlessProven: technique.unlessProven === true,
    alone: technique.anyConnection === true,
    run: async () => {
      const since = { count: canary.count, anyConnection: technique.anyConnection === true };
      const connection = await context.dial();
      const found = new AbortController();
      try {
        connection.send(technique.bytes(values));
        const two = id.endsWith('/second-request');
        const answered = connection.until((bytes) => !two && isComplete(bytes), patience, 1_500);
        if (technique.anyConnection) {
          // FTP waits for a greeting and TLS for a certificate, which the canary never sends: the connection is the proof.
          const reached = canary.reached(challenge, true, found.signal).then(() => delay(200));
          await Promise.race([answered, reached.catch(() => answered)]);
        }
        const bytes =
          technique.anyConnection && canary.count > since.count ? connection.received : await answered;
        status = statusOf(bytes);
        context.heard(status, bytes);
        const mark = marks?.exec(bytes.toString('latin1')) ?? null;
        if (mark !== null && marks?.test(text) === false) {
          return {
            result: 'relays',
            why: `the answer of a service on its own machine came back: ${mark[0].trim()}`,
          };
        }
        const echo = id.startsWith('trace') && status === 200 && bytes.includes(challenge.id);
        const proof = proofOf(context, challenge, bytes, since);
        const own = () => withoutProof({ bytes, ended: connection.ended }, baseline, patience);
        return proven(proof, status) ?? (echo ? echoes : own());
      } finally {
        found.abort();
        connection.close();
      }
    },
    late: () =>
      canary.hit(challenge) === null
        ? null
        : proven({ hit: canary.hit(challenge), anonymousHit: null, cameBack: false }, status),
  };
}

function traceTrial(context: AuditContext, baseline: Baseline | null): Trial {
  const challenge = context.canary.newChallenge();
  const values = requestValues(context, challenge, context.canary.authority);
  return {
    id: traceTechnique.id,
    fix: 'trace',
    sent: sentOf(traceTechnique, values),
    run: async () => {
      const connection = await context.dial();
      try {
        connection.send(traceTechnique.bytes(values));
        const bytes = await connection.until(isComplete, context.patience, 1_500);
        const echoed = statusOf(bytes) === 200 && bytes.includes(challenge.id);
        return echoed ? echoes : withoutProof({ bytes, ended: connection.ended }, baseline, context.patience);
      } finally {
        connection.close();
      }
    },
  };
}

async function h2Trials(context: AuditContext, { speaks, baseline }: Service): Promise<Trial[]> {
  const session = await openH2(context);
  const offered = session !== null;
  if (!offered && speaks !== 'http') return [];
  // Node throws on :protocol unless the server offers extended CONNECT (RFC 8441 section 3).
  const extended = session?.remoteSettings.enableConnectProtocol === true;
  session?.destroy();
  return h2Techniques.map((technique) => ({
    id: technique.id,
    fix: technique.fix,
    sent: technique.sent,
    run: async () => {
      if (!offered) return { result: 'refuses', why: 'does not speak HTTP/2 here' };
      if (technique.id === 'extended-connect' && !extended) {
        return { result: 'refuses', why: 'does not offer extended CONNECT' };
      }
      return await runH2(technique, context, baseline);
    },
  }));
}
