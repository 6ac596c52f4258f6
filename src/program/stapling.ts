/** Logs OCSP stapling, and puts together what the processes of the gateway know: each gets its own responses. */
import type { Logger } from 'pino';
import { refusedHere } from '../listener/refused-dial.ts';
import { type StapleState, staples } from '../ocsp/staples.ts';

/** Logs OCSP stapling in this process. @param onChange gets their states after each change */
export function logStapling(log: Logger, onChange: (states: readonly StapleState[]) => void): void {
  staples.events = {
    onResponse: (name, until) =>
      log.info(
        { event: 'ocsp', host: name },
        `the OCSP response for the certificate of ${name} is stapled, valid until ${new Date(until).toISOString()}`,
      ),
    onFailure: (name, why) => log.warn({ event: 'ocsp', host: name }, `certificate of ${name}: ${why}`),
    onTrouble: (name, why) => {
      if (why !== null) log.error({ event: 'ocsp', host: name }, `certificate of ${name}: ${why}`);
    },
    onChange: () => onChange(staples.states),
    hint: refusedHere,
  };
}

/** The OCSP responses of all processes, and problems with them. One per gateway. */
export class StapleReports {
  readonly #known = new Map<object, readonly StapleState[]>();
  /** Reported problems, by the name of the certificate. */
  readonly #reported = new Map<string, string>();
  readonly #onTrouble: (name: string, reason: string | null) => void;

  /** @param onTrouble gets urgent problems; reason null: resolved */
  constructor(onTrouble: (name: string, reason: string | null) => void) {
    this.#onTrouble = onTrouble;
  }

  /** @param process any object that identifies the process */
  take(process: object, states: readonly StapleState[]): void {
    this.#known.set(process, states);
    const all = [...this.#known.values()].flat();
    for (const name of new Set([...this.#reported.keys(), ...all.map(({ host }) => host)])) {
      const ofName = all.filter(({ host }) => host === name);
      const why = ofName.find(({ urgent }) => urgent)?.trouble ?? null;
      // While a new process asks for its first response, nothing is resolved.
      if (why === null && ofName.some(isAsking)) continue;
      if (why === (this.#reported.get(name) ?? null)) continue;
      if (why === null) this.#reported.delete(name);
      else this.#reported.set(name, why);
      this.#onTrouble(name, why);
    }
  }

  /** Forgets a process that has ended. */
  forget(process: object): void {
    this.#known.delete(process);
  }

  /** One state for each certificate, the worst of all processes. */
  get states(): readonly StapleState[] {
    const worst = new Map<string, StapleState>();
    for (const state of [...this.#known.values()].flat()) {
      const key = `${state.host} ${state.serial}`;
      const known = worst.get(key);
      if (known === undefined || isWorse(state, known)) worst.set(key, state);
    }
    return [...worst.values()];
  }
}

const isAsking = ({ until, trouble }: StapleState): boolean => until === null && trouble === null;

function isWorse(one: StapleState, other: StapleState): boolean {
  if ((one.trouble === null) !== (other.trouble === null)) return one.trouble !== null;
  return (one.until ?? 0) < (other.until ?? 0);
}
