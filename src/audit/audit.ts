/** The self-audit of one server: which ports speak what, and which techniques each of them relays for. */
import { setTimeout as delay } from 'node:timers/promises';
import { statusOf } from './answer.ts';
import type { Canary } from './canary.ts';
import { UnreachableError } from './connection.ts';
import type { FetchTechnique } from './fetch-techniques.ts';
import { type Finding, type Outcome, ruleOf } from './finding.ts';
import { fixFor, identify } from './fixes.ts';
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
  /** Techniques that fetch by a path or a parameter. @default none */
  readonly paths?: readonly FetchTechnique[];
  /** Called before each technique. */
  readonly onProgress?: (port: number, technique: string, done: number, of: number) => void;
  /** Called for what is no finding. */
  readonly onNote?: (port: number, note: Note) => void;
}

/**
 * - `closed`: nobody accepts there.
 * - `untold`: what is there could not be tried, or not to its end.
 * - `slow`: its own pages take longer than an answer may.
 */
export interface Note {
  readonly kind: 'closed' | 'untold' | 'slow';
  readonly text: string;
}

/** After this many techniques an ordinary page is asked for: a server that has banned us refuses everything. */
const baselineEvery = 10;
/** Connections refused in a row, after which the rest is not tried. */
const refusedInARow = 3;
/** Milliseconds after the last technique, for a relay that is slow to reach the canary. */
const settle = 250;
/** Techniques at a time at a server that is slow, or that says nothing; else one. */
const lanes = 24;
/** A technique that takes this many milliseconds is slow; after two of them several run at a time. */
const slowTrial = 500;

/** Ports that were open are audited one after the other; each gives its findings when it is through. */
export async function* audit(options: AuditOptions): AsyncGenerator<Finding> {
  const budget = new Budget(options.bounds);
  const note = (port: number, kind: Note['kind'], text: string) => options.onNote?.(port, { kind, text });
  for (const port of options.ports) {
    const { address, name, canary } = options;
    const ground = new Ground({ address, port, name, canary, budget });
    try {
      const service = await findService(ground);
      if (service.speaks === 'closed') note(port, 'closed', 'closed');
      else if (service.speaks === 'other') {
        const said = JSON.stringify(service.text.slice(0, 60));
        note(port, 'untold', `speaks neither HTTP nor SOCKS nor SMTP, and was not tried: ${said}`);
      } else if (service.speaks === 'smtp') yield* mailPort(ground, service, options);
      else yield* webPort(ground, service, options);
    } catch (error) {
      if (!(error instanceof BudgetError)) throw error;
      note(port, 'untold', `not tried: ${error.message}`);
    }
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
      yield finding(
        ground,
        { id: technique.id, fix: 'smtp', sent: sentOfMail(technique) },
        outcome,
        greeting,
      );
    }
  } catch (error) {
    if (!(error instanceof UnreachableError || error instanceof BudgetError)) throw error;
    const text = `mail techniques stopped after ${done}: ${error.message}`;
    options.onNote?.(ground.port, { kind: 'untold', text });
  }
}

interface Tried {
  readonly trial: Trial;
  outcome: Outcome;
}

async function* webPort(ground: Ground, service: Service, options: AuditOptions): AsyncGenerator<Finding> {
  const paths = options.paths ?? [];
  let round = await tryAll(ground, service, await webTrials(ground, service, paths), options);
  let found = service;
  if (service.speaks === 'silent' && ground.heardHttp) {
    // Its own page said nothing in time, but it speaks HTTP: then every technique means something.
    found = { ...service, speaks: 'http', slow: true };
    round = await tryAll(ground, found, await webTrials(ground, found, paths), options);
  }
  if (found.slow) {
    const text = `its own page takes longer than the ${ground.patience / 1000} s that an answer may: give more with --timeout`;
    options.onNote?.(ground.port, { kind: 'slow', text });
  }
  const relaying = new Set(
    round.filter(({ outcome }) => outcome.result === 'relays').map(({ trial }) => trial.id),
  );
  for (const { trial, outcome } of round)
    yield finding(ground, trial, outcome, `${found.text}\n${ground.answers}`, relaying);
}

/** Runs the trials, and looks at what they did: some only mean something beside the others. */
async function tryAll(
  ground: Ground,
  service: Service,
  trials: readonly Trial[],
  options: AuditOptions,
): Promise<Tried[]> {
  const tried: Tried[] = [];
  /** How many of them ran while an ordinary page was still served. */
  let sure = 0;
  let stopped: string | null = null;
  let refused = 0;
  const proven = new Set<string>();
  let slow = service.slow || service.speaks === 'silent' ? 2 : 0;
  const run = async (trial: Trial): Promise<void> => {
    options.onProgress?.(ground.port, trial.id, tried.length, trials.length);
    const entry: Tried = { trial, outcome: { result: 'unclear', why: `not tried: ${stopped}` } };
    tried.push(entry);
    if (stopped !== null) return;
    const began = performance.now();
    try {
      entry.outcome = await trial.run();
      refused = 0;
      if (trial.together !== true && performance.now() - began > slowTrial) slow += 1;
    } catch (error) {
      if (error instanceof BudgetError) stopped = error.message;
      else if (!(error instanceof UnreachableError)) throw error;
      else if (++refused === refusedInARow) stopped = 'the server takes no more connections from here';
      entry.outcome = { result: 'unclear', why: (error as Error).message };
    }
    if (entry.outcome.result === 'relays') proven.add(ruleOf(trial.id));
  };
  for (const batch of batches(trials, () => (slow < 2 ? 1 : lanes))) {
    await Promise.all(
      batch.filter(({ unlessProven, id }) => !(unlessProven && proven.has(ruleOf(id)))).map(run),
    );
    const every = slow < 2 ? baselineEvery : 2 * lanes;
    if (tried.length - sure < every && batch.at(-1) !== trials.at(-1)) continue;
    if (stopped === null && (await stillServed(ground, service))) sure = tried.length;
    else stopped ??= 'the server has stopped serving this address its front page';
  }
  await delay(settle);
  for (const [index, entry] of tried.entries()) {
    const late = entry.outcome.result === 'relays' ? null : (entry.trial.late?.() ?? null);
    entry.outcome = late ?? doubted(entry.outcome, index >= sure && stopped !== null);
  }
  return compared(tried);
}

/** What must run alone is a batch of its own. */
function* batches(trials: readonly Trial[], size: () => number): Generator<readonly Trial[]> {
  let batch: Trial[] = [];
  for (const trial of trials) {
    const [first] = batch;
    const room = first?.together === true && trial.together === true ? lanes : size();
    if (first !== undefined && (batch.length >= room || trial.alone === true || first.alone === true)) {
      yield batch;
      batch = [];
    }
    batch.push(trial);
  }
  if (batch.length > 0) yield batch;
}

/**
 * CONNECT to one port refused otherwise than to the next: the server treats them apart, so it lets some through that the canary
 * may not listen on. Most are refused alike.
 */
function compared(tried: readonly Tried[]): Tried[] {
  const isPort = ({ trial }: Tried): boolean => trial.id.startsWith('connect/port-');
  const refusals = tried.filter((entry) => isPort(entry) && entry.outcome.result === 'refuses');
  const counts = Map.groupBy(refusals, ({ outcome }) => outcome.why);
  const [usual] = [...counts].sort(([, a], [, b]) => b.length - a.length)[0] ?? [];
  return tried.map((entry) => {
    const { trial, outcome } = entry;
    if (!isPort(entry) || outcome.result !== 'refuses' || outcome.why === usual) return entry;
    return {
      trial,
      outcome: { result: 'unclear', why: `${outcome.why}, otherwise than to other ports (${usual})` },
    };
  });
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
  { id, fix, sent }: Pick<Trial, 'id' | 'fix' | 'sent'>,
  outcome: Outcome,
  text: string,
  relaying: ReadonlySet<string> = new Set(),
): Finding {
  // An echo relays for nobody, but what it gives away one directive still fixes.
  const fixable = outcome.result === 'relays' || outcome.why.includes(': echoes the request');
  return {
    technique: id,
    target: ground.target,
    address: ground.address,
    ...outcome,
    fix: fixable ? fixFor(outcome.result === 'relays' ? fix : 'trace', identify(text), relaying) : null,
    rule: ruleOf(id),
    sent,
  };
}
