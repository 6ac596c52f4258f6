/** Tries every technique of HTTP and SOCKS at one port, one after the other, so that what reaches the canary is told apart. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Baseline, isComplete, proven, statusOf, withoutProof } from './answer.ts';
import type { Ask } from './canary.ts';
import { connectTechniques, destination, runConnect } from './connect-techniques.ts';
import { proofOf } from './evidence.ts';
import {
  type FetchTechnique,
  fetchTechniques,
  type Place,
  sentOf,
  traceTechnique,
} from './fetch-techniques.ts';
import type { Outcome, TechniqueId } from './finding.ts';
import type { FixKind } from './fixes.ts';
import { bracketed, type Ground } from './ground.ts';
import { h2Techniques, openH2, runH2 } from './h2-techniques.ts';
import type { Service } from './service.ts';
import { runSocks, socksPlace, socksTechniques } from './socks-techniques.ts';

/** One technique, ready to run. */
export interface Trial {
  readonly id: TechniqueId;
  readonly fix: FixKind;
  readonly sent: string;
  /** Not run where a technique of its rule has gone through. */
  readonly unlessProven?: boolean;
  /** May run beside others of the kind: most servers let it wait in vain. */
  readonly together?: boolean;
  /** What reaches the canary cannot be told from what another technique made reach it. */
  readonly alone?: boolean;
  /** @throws UnreachableError, BudgetError */
  run(): Promise<Outcome>;
  /** Whether the canary has been asked after all: a relay may be slow. */
  late?(): Outcome | null;
}

/**
 * All trials for one port, in the order of trying.
 *
 * @param paths techniques that fetch by a path or a parameter
 * @throws BudgetError
 */
export async function webTrials(
  ground: Ground,
  service: Service,
  paths: readonly FetchTechnique[],
): Promise<Trial[]> {
  const http = service.speaks === 'http';
  const { baseline } = service;
  const trials: Trial[] = [];
  for (const technique of [...fetchTechniques, ...paths]) {
    if (!http && !technique.essential) continue;
    if (technique.sharesMachine && !ground.sharesMachine) continue;
    const authority = (technique.by ?? (({ canary }) => canary.authority))(ground);
    if (authority !== null) trials.push(fetchTrial(technique, ground, service, authority));
  }
  for (const technique of connectTechniques) {
    if (!http && !technique.essential) continue;
    if (technique.ipv4 && !/^\d+(\.\d+){3}$/.test(ground.canary.host)) continue;
    const to = destination(technique, ground);
    if (to === null) continue;
    const [line, host] = technique.bytes(to, ground, '').split('\r\n');
    trials.push({
      id: technique.id,
      fix: 'connect',
      sent: technique.id === 'connect/own-host-line' ? `${line} | ${host}` : line!,
      unlessProven: technique.unlessProven === true,
      run: () => runConnect(technique, ground, baseline),
    });
  }
  for (const technique of socksTechniques) {
    const to = socksPlace(technique, ground);
    if (to === null) continue;
    trials.push({
      id: technique.id,
      fix: 'socks',
      sent: `${technique.sent} to ${bracketed(to.host)}:${to.port}`,
      together: true,
      run: () => runSocks(technique, ground, http),
    });
  }
  if (http) trials.push(traceTrial(ground, baseline));
  return [...trials, ...(await h2Trials(ground, service))];
}

const echoes: Outcome = {
  result: 'answers-itself',
  why: '200: echoes the request, cookies and credentials included',
};

const placeOf = (ground: Ground, { path, id }: Pick<Ask, 'path' | 'id'>, authority: string): Place => ({
  own: ground.own,
  ownHost: bracketed(ground.name),
  canary: authority,
  canaryPort: ground.canary.port,
  path,
  agent: `sekisho-audit ${id}`,
});

function fetchTrial(
  technique: FetchTechnique,
  ground: Ground,
  { baseline, text }: Service,
  authority: string,
): Trial {
  const { canary, patience } = ground;
  const { id, fix, marks } = technique;
  const ask = canary.newAsk();
  const place = placeOf(ground, ask, authority);
  let status: number | null = null;
  return {
    id,
    fix,
    sent: sentOf(technique, place),
    unlessProven: technique.unlessProven === true,
    alone: technique.silent === true,
    run: async () => {
      const since = { count: canary.count, silent: technique.silent === true };
      const connection = await ground.dial();
      const found = new AbortController();
      try {
        connection.send(technique.bytes(place));
        const two = id.endsWith('/second-request');
        const answered = connection.until((bytes) => !two && isComplete(bytes), patience, 1_500);
        if (technique.silent) {
          // FTP waits for a greeting that the canary does not give, TLS for a certificate: the connection is enough.
          const reached = canary.reached(ask, true, found.signal).then(() => delay(200));
          await Promise.race([answered, reached.catch(() => answered)]);
        }
        const bytes = technique.silent && canary.count > since.count ? connection.received : await answered;
        status = statusOf(bytes);
        ground.heard(status, bytes);
        const told = marks?.exec(bytes.toString('latin1')) ?? null;
        if (told !== null && marks?.test(text) === false) {
          return {
            result: 'relays',
            why: `what a service of its own machine says came back: ${told[0].trim()}`,
          };
        }
        const echo = id.startsWith('trace') && status === 200 && bytes.includes(ask.id);
        const proof = proofOf(ground, ask, bytes, since);
        const own = () => withoutProof({ bytes, ended: connection.ended }, baseline, patience);
        return proven(proof, status) ?? (echo ? echoes : own());
      } finally {
        found.abort();
        connection.close();
      }
    },
    late: () =>
      canary.hit(ask) === null
        ? null
        : proven({ hit: canary.hit(ask), silentHit: null, cameBack: false }, status),
  };
}

function traceTrial(ground: Ground, baseline: Baseline | null): Trial {
  const ask = ground.canary.newAsk();
  const place = placeOf(ground, ask, ground.canary.authority);
  return {
    id: traceTechnique.id,
    fix: 'trace',
    sent: sentOf(traceTechnique, place),
    run: async () => {
      const connection = await ground.dial();
      try {
        connection.send(traceTechnique.bytes(place));
        const bytes = await connection.until(isComplete, ground.patience, 1_500);
        const echoed = statusOf(bytes) === 200 && bytes.includes(ask.id);
        return echoed ? echoes : withoutProof({ bytes, ended: connection.ended }, baseline, ground.patience);
      } finally {
        connection.close();
      }
    },
  };
}

async function h2Trials(ground: Ground, { speaks, baseline }: Service): Promise<Trial[]> {
  const session = await openH2(ground);
  const offered = session !== null;
  if (!offered && speaks !== 'http') return [];
  // Node throws on :protocol unless the server has offered it (RFC 8441 section 3).
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
      return await runH2(technique, ground, baseline);
    },
  }));
}
