import { type GatewayEntry, gatewayAlive } from './store.ts';

/** A gateway of the fleet as the others see it. Plain data. */
export interface GatewayView {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** What it said last of itself; `gone` where it has said nothing for ten seconds. */
  readonly state: string;
  /** When it was heard of last, milliseconds since the epoch. */
  readonly seen: number;
  /** Whether it is the one that answers. */
  readonly self: boolean;
}

/** Reads what a gateway said of itself. Whoever may write to the store may have said it. */
export function viewOf({ id, text, seen }: GatewayEntry, now: number): GatewayView {
  let said: Record<string, unknown> = {};
  try {
    said = Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    // Nothing that can be read: it is there all the same.
  }
  const word = (value: unknown, otherwise: string): string =>
    typeof value === 'string' ? value.slice(0, 100).replace(/[^\x20-\x7e]/g, '?') : otherwise;
  return {
    id: id.slice(0, 100),
    name: word(said.name, '?'),
    version: word(said.version, '?'),
    state: now - seen > gatewayAlive ? 'gone' : word(said.state, '?'),
    seen,
    self: false,
  };
}
