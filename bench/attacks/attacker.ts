/** The thread of the attackers: on a message with a name, starts that attack and stops the running one. */
import { parentPort, workerData } from 'node:worker_threads';
import { attacks } from './kinds.ts';
import type { Ports, Running } from './senders.ts';

let running: Running | null = null;
parentPort!.on('message', (name: string) => {
  running?.();
  running = attacks.find((attack) => attack.name === name)?.start(workerData as Ports) ?? null;
  parentPort!.postMessage(name);
});
