import { forever } from '../bans/ban.ts';
import { type GatewayEntry, gatewayAlive } from './store.ts';

/** What the fleet knows about one gateway. Plain data. */
export interface GatewayView {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** Its last reported state; `gone`: it has been silent for ten seconds. */
  readonly state: string;
  /** When it was last seen, milliseconds since the epoch. */
  readonly seen: number;
  /** Whether it is this gateway. */
  readonly self: boolean;
}

/** Parses a gateway's description of itself, which anyone able to write to the store may have forged. */
export function viewOf({ id, text, seen }: GatewayEntry, now: number): GatewayView {
  let said: Record<string, unknown> = {};
  try {
    said = Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    // Unreadable, but the gateway exists.
  }
  const word = (value: unknown, otherwise: string): string =>
    typeof value === 'string' ? value.slice(0, 100).replace(/[^\x20-\x7e]/g, '?') : otherwise;
  // A score of `inf` is no time.
  const time = seen >= 0 && seen <= forever ? seen : 0;
  return {
    id: id.slice(0, 100),
    name: word(said.name, '?'),
    version: word(said.version, '?'),
    state: now - time > gatewayAlive ? 'gone' : word(said.state, '?'),
    seen: time,
    self: false,
  };
}
