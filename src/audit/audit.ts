/** The self-audit of one server: what each port speaks, and which techniques it relays. */
import { setTimeout as delay } from 'node:timers/promises';
import { statusOf } from './answer.ts';
import { AuditContext, type Bounds, Budget, BudgetError } from './audit-context.ts';
import type { Canary } from './canary.ts';
import { UnreachableError } from './connection.ts';
import type { FetchTechnique } from './fetch-techniques.ts';
import { type Finding, type Outcome, ruleOf } from './finding.ts';
import { fixFor, identify } from './fixes.ts';
import { auditMail } from './mail-audit.ts';
import { sentOfMail } from './mail-techniques.ts';
import { fetchPage, findService, type Service } from './service.ts';
import { type Trial, webTrials } from './web-audit.ts';

export interface AuditOptions {
  /** Address of the server. */
  readonly address: string;
  readonly ports: readonly number[];
  /** A host that the server serves, without brackets: for Host headers and mail domains. */
  readonly name: string;
  readonly canary: Canary;
  readonly bounds: Bounds;
  /** Techniques that put the URL in a path or a parameter. @default none */
  readonly paths?: readonly FetchTechnique[];
  /** Called before each technique. */
  readonly onProgress?: (port: number, technique: string, done: number, of: number) => void;
  /** Called for remarks that are not findings. */
  readonly onNote?: (port: number, note: Note) => void;
}

/**
 * - `closed`: nothing accepts connections.
 * - `untested`: some or all techniques could not be tried.
 * - `slow`: the server's own pages take longer than the timeout.
 */
export interface Note {
  readonly kind: 'closed' | 'untested' | 'slow';
  readonly text: string;
}

/** Techniques between two requests for an ordinary page: a server that has banned us refuses everything. */
const baselineEvery = 10;
/** Connections refused in a row before the audit of a port stops. */
const refusedInARow = 3;
/** Milliseconds to wait after the last technique for a relay that is slow to reach the canary. */
const settle = 250;
/** Concurrent techniques against a slow or silent server; other servers get one at a time. */
const concurrency = 24;
/** Milliseconds after which a technique counts as slow; after two slow ones, techniques run concurrently. */
const slowTrial = 500;

/** Audits the open ports one after the other; each yields its findings when it is done. */
export async function* audit(options: AuditOptions): AsyncGenerator<Finding> {
  const budget = new Budget(options.bounds);
  const note = (port: number, kind: Note['kind'], text: string) => options.onNote?.(port, { kind, text });
  for (const port of options.ports) {
    const { address, name, canary } = options;
    const context = new AuditContext({ address, port, name, canary, budget });
    try {
      const service = await findService(context);
      if (service.speaks === 'closed') note(port, 'closed', 'closed');
      else if (service.speaks === 'other') {
        const said = JSON.stringify(service.text.slice(0, 60));
        note(port, 'untested', `speaks neither HTTP nor SOCKS nor SMTP, and was not tried: ${said}`);
      } else if (service.speaks === 'smtp') yield* mailPort(context, service, options);
      else yield* webPort(context, service, options);
    } catch (error) {
      if (!(error instanceof BudgetError)) throw error;
      note(port, 'untested', `not tried: ${error.message}`);
    }
  }
}

async function* mailPort(
  context: AuditContext,
  { tls }: Service,
  options: AuditOptions,
): AsyncGenerator<Finding> {
  context.tls = tls;
  let greeting = '';
  const domain = context.servername ?? null;
  let done = 0;
  try {
    const findings = auditMail(context, domain, (said) => {
      greeting = said;
    });
    for await (const { technique, outcome } of findings) {
      done += 1;
      options.onProgress?.(context.port, technique.id, done, done);
      yield finding(
        context,
        { id: technique.id, fix: 'smtp', sent: sentOfMail(technique) },
        outcome,
        greeting,
      );
    }
  } catch (error) {
    if (!(error instanceof UnreachableError || error instanceof BudgetError)) throw error;
    const text = `mail techniques stopped after ${done}: ${error.message}`;
    options.onNote?.(context.port, { kind: 'untested', text });
  }
}

interface Tried {
  readonly trial: Trial;
  outcome: Outcome;
}

async function* webPort(
  context: AuditContext,
  service: Service,
  options: AuditOptions,
): AsyncGenerator<Finding> {
  const paths = options.paths ?? [];
  let round = await tryAll(context, service, await webTrials(context, service, paths), options);
  let found = service;
  if (service.speaks === 'silent' && context.heardHttp) {
    // The front page timed out, but another answer was HTTP: retry with every HTTP technique.
    found = { ...service, speaks: 'http', slow: true };
    round = await tryAll(context, found, await webTrials(context, found, paths), options);
  }
  if (found.slow) {
    const text = `its own page takes longer than the timeout of ${context.patience / 1000} s: raise --timeout`;
    options.onNote?.(context.port, { kind: 'slow', text });
  }
  const relaying = new Set(
    round.filter(({ outcome }) => outcome.result === 'relays').map(({ trial }) => trial.id),
  );
  for (const { trial, outcome } of round)
    yield finding(context, trial, outcome, `${found.text}\n${context.answers}`, relaying);
}

/** Runs the trials, then reviews the outcomes: some only mean something next to others. */
async function tryAll(
  context: AuditContext,
  service: Service,
  trials: readonly Trial[],
  options: AuditOptions,
): Promise<Tried[]> {
  const tried: Tried[] = [];
  /** Trials that ran while the server still served us an ordinary page. */
  let sure = 0;
  let stopped: string | null = null;
  let refused = 0;
  const proven = new Set<string>();
  let slow = service.slow || service.speaks === 'silent' ? 2 : 0;
  const run = async (trial: Trial): Promise<void> => {
    options.onProgress?.(context.port, trial.id, tried.length, trials.length);
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
      else if (++refused === refusedInARow) stopped = 'the server no longer accepts connections from here';
      entry.outcome = { result: 'unclear', why: (error as Error).message };
    }
    if (entry.outcome.result === 'relays') proven.add(ruleOf(trial.id));
  };
  for (const batch of batches(trials, () => (slow < 2 ? 1 : concurrency))) {
    await Promise.all(
      batch.filter(({ unlessProven, id }) => !(unlessProven && proven.has(ruleOf(id)))).map(run),
    );
    const every = slow < 2 ? baselineEvery : 2 * concurrency;
    if (tried.length - sure < every && batch.at(-1) !== trials.at(-1)) continue;
    if (stopped === null && (await stillServed(context, service))) sure = tried.length;
    else stopped ??= 'the server no longer serves this address its front page';
  }
  await delay(settle);
  for (const [index, entry] of tried.entries()) {
    const late = entry.outcome.result === 'relays' ? null : (entry.trial.late?.() ?? null);
    entry.outcome = late ?? doubted(entry.outcome, index >= sure && stopped !== null);
  }
  return compared(tried);
}

/** Groups trials to run concurrently; a trial marked `alone` gets its own batch. */
function* batches(trials: readonly Trial[], size: () => number): Generator<readonly Trial[]> {
  let batch: Trial[] = [];
  for (const trial of trials) {
    const [first] = batch;
    const room = first?.together === true && trial.together === true ? concurrency : size();
    if (first !== undefined && (batch.length >= room || trial.alone === true || first.alone === true)) {
      yield batch;
      batch = [];
    }
    batch.push(trial);
  }
  if (batch.length > 0) yield batch;
}

/**
 * CONNECT to one port refused differently from the others: the server has rules for single ports, so it may tunnel to one that
 * the canary cannot listen on. Most servers refuse all ports alike.
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
      outcome: { result: 'unclear', why: `${outcome.why}, unlike other ports (${usual})` },
    };
  });
}

/** A server that has banned this address refuses everything: its refusal says nothing about the technique. */
function doubted(outcome: Outcome, banned: boolean): Outcome {
  if (!banned || outcome.result !== 'refuses') return outcome;
  return {
    result: 'unclear',
    why: `${outcome.why}, but by now it refuses every request from this address: remove the address from its bans and try again`,
  };
}

async function stillServed(context: AuditContext, { baseline }: Service): Promise<boolean> {
  if (baseline === null) return true;
  try {
    return statusOf(await fetchPage(context, '/')) === baseline.front;
  } catch (error) {
    if (error instanceof UnreachableError || error instanceof BudgetError) return false;
    throw error;
  }
}

function finding(
  context: AuditContext,
  { id, fix, sent }: Pick<Trial, 'id' | 'fix' | 'sent'>,
  outcome: Outcome,
  text: string,
  relaying: ReadonlySet<string> = new Set(),
): Finding {
  // An echo is no relay, but it leaks credentials, and one directive turns it off.
  const fixable = outcome.result === 'relays' || outcome.why.includes(': echoes the request');
  return {
    technique: id,
    target: context.target,
    address: context.address,
    ...outcome,
    fix: fixable ? fixFor(outcome.result === 'relays' ? fix : 'trace', identify(text), relaying) : null,
    rule: ruleOf(id),
    sent,
  };
}
