import { createDecoy, type Decoy, type DecoyContext } from '../../src/decoys/decoy.ts';
import type { DecoyOptions } from '../../src/decoys/options.ts';
import type { ProbeEvent } from '../../src/events/event.ts';
import type { Owner } from '../support/owner.ts';

export interface RunningDecoy {
  readonly port: number;
  readonly decoy: Decoy;
  readonly events: ProbeEvent[];
}

/** Starts a decoy that closes with its owner. */
export async function startDecoy(
  owner: Owner,
  speaks: DecoyOptions['speaks'],
  options: Partial<DecoyOptions> = {},
  context: Partial<DecoyContext> = {},
): Promise<RunningDecoy> {
  const events: ProbeEvent[] = [];
  const decoy = createDecoy(
    {
      ...{ listen: '127.0.0.1:0', speaks, skin: 'plain', realm: null, tarpit: null },
      ...{ connections: 1000, messageTime: 5000, ...options },
    },
    { onEvent: (event) => events.push(event), log: { warn: console.warn, error: console.error }, ...context },
  );
  const { port } = await decoy.listen();
  owner.after(() => decoy.close());
  return { port, decoy, events };
}
