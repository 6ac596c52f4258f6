/** The self-audit of one server: which ports speak what, and which techniques each of them relays for. */
import { setTimeout as delay } from 'node:timers/promises';
import { statusOf } from './answer.ts';
import type { Canary } from './canary.ts';
import { UnreachableError } from './connection.ts';
import { type Finding, type Outcome, ruleOf, type TechniqueId } from './finding.ts';
import { type FixKind, fixFor, identify } from './fixes.ts';
import { type Bounds, Budget, BudgetError, Ground } from './ground.ts';
import { auditMail } from './mail-audit.ts';
import { sentOfMail } from './mail-techniques.ts';
import { ask, findService, type Service } from './service.ts';
import { type Trial, webTrials } from './web-audit.ts';

export interface AuditOptions {
  /** Address of the server. */
  readonly address: string;
  readonly ports: readonly number[];
  /** The host that the server takes for its own, without brackets: for Host lines and mail domains. */
  readonly name: string;
  readonly canary: Canary;
  readonly bounds: Bounds;
  /** Called before each technique. */
  readonly onProgress?: (port: number, technique: string, done: number, of: number) => void;
  /** Called for what is no finding: a closed port, a protocol that is none of ours. */
  readonly onNote?: (port: number, note: string) => void;
}

/** After this many techniques an ordinary page is asked for: a server that has banned us refuses everything. */
const baselineEvery = 10;
/** Connections refused in a row, after which the rest is not tried. */
const refusedInARow = 3;
/** Milliseconds after the last technique, for a relay that is slow to reach the canary. */
const settle = 250;

/** Ports that were open are audited one after the other; each gives its findings when it is through. */
export async function* audit(options: AuditOptions): AsyncGenerator<Finding> {
  const budget = new Budget(options.bounds);
  for (const port of options.ports) {
    const { address, name, canary } = options;
    const ground = new Ground({ address, port, name, canary, budget });
    let service: Service;
    try {
      service = await findService(ground);
    } catch (error) {
      if (!(error instanceof BudgetError)) throw error;
      options.onNote?.(port, `not tried: ${error.message}`);
      continue;
    }
    if (service.speaks === 'closed') options.onNote?.(port, 'closed');
    else if (service.speaks === 'other') {
      options.onNote?.(
        port,
        `speaks neither HTTP nor SOCKS nor SMTP: ${JSON.stringify(service.text.slice(0, 60))}`,
      );
    } else if (service.speaks === 'smtp') yield* mailPort(ground, service, options);
    else yield* webPort(ground, service, options);
  }
}

async function* mailPort(ground: Ground, { tls }: Service, options: AuditOptions): AsyncGenerator<Finding> {
  ground.tls = tls;
  let greeting = '';
  const domain = ground.servername ?? null;
  let done = 0;
  try {
    const findings = auditMail(ground, domain, (said) => {
      greeting = said;
    });
    for await (const { technique, outcome } of findings) {
      done += 1;
      options.onProgress?.(ground.port, technique.id, done, done);
      yield finding(ground, technique.id, 'smtp', sentOfMail(technique), outcome, greeting);
    }
  } catch (error) {
    if (!(error instanceof UnreachableError || error instanceof BudgetError)) throw error;
    options.onNote?.(ground.port, `mail techniques stopped after ${done}: ${error.message}`);
  }
}

interface Tried {
  readonly trial: Trial;
  outcome: Outcome;
}

async function* webPort(ground: Ground, service: Service, options: AuditOptions): AsyncGenerator<Finding> {
  let trials: Trial[];
  try {
    trials = await webTrials(ground, service);
  } catch (error) {
    if (!(error instanceof BudgetError)) throw error;
    options.onNote?.(ground.port, `not tried: ${error.message}`);
    return;
  }
  const tried: Tried[] = [];
  /** How many of them ran while an ordinary page was still served. */
  let sure = 0;
  let stopped: string | null = null;
  let refused = 0;
  for (const trial of trials) {
    if (stopped !== null) {
      tried.push({ trial, outcome: { result: 'unclear', why: `not tried: ${stopped}` } });
      continue;
    }
    options.onProgress?.(ground.port, trial.id, tried.length, trials.length);
    try {
      tried.push({ trial, outcome: await trial.run() });
      refused = 0;
    } catch (error) {
      if (error instanceof BudgetError) stopped = error.message;
      else if (!(error instanceof UnreachableError)) throw error;
      else if (++refused === refusedInARow) stopped = 'the server takes no more connections from here';
      tried.push({ trial, outcome: { result: 'unclear', why: (error as Error).message } });
    }
    if (tried.length % baselineEvery === 0 || tried.length === trials.length) {
      if (stopped === null && (await stillServed(ground, service))) sure = tried.length;
      else if (stopped === null) stopped = 'the server has stopped serving this address its front page';
    }
  }
  await delay(settle);
  for (const [index, { trial, outcome }] of tried.entries()) {
    const late = outcome.result === 'relays' ? null : (trial.late?.() ?? null);
    yield finding(
      ground,
      trial.id,
      trial.fix,
      trial.sent,
      late ?? doubted(outcome, index >= sure && stopped !== null),
      service.text,
    );
  }
}

/** A refusal by a server that refuses this address everything tells of the ban, not of the technique. */
function doubted(outcome: Outcome, banned: boolean): Outcome {
  if (!banned || outcome.result !== 'refuses') return outcome;
  return {
    result: 'unclear',
    why: `${outcome.why}, but it refuses this address everything by now: take the address off its bans and try again`,
  };
}

async function stillServed(ground: Ground, { baseline }: Service): Promise<boolean> {
  if (baseline === null) return true;
  try {
    return statusOf(await ask(ground, '/')) === baseline.front;
  } catch (error) {
    if (error instanceof UnreachableError || error instanceof BudgetError) return false;
    throw error;
  }
}

function finding(
  ground: Ground,
  technique: TechniqueId,
  kind: FixKind,
  sent: string,
  outcome: Outcome,
  text: string,
): Finding {
  // An echo relays for nobody, but what it gives away is mended by one directive all the same.
  const mend = outcome.result === 'relays' || outcome.why.includes(': echoes the request');
  return {
    technique,
    target: ground.target,
    ...outcome,
    fix: mend ? fixFor(outcome.result === 'relays' ? kind : 'trace', identify(text)) : null,
    rule: ruleOf(technique),
    sent,
  };
}
