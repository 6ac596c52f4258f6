/** The thread of the attackers: begins and ends what it is told to. */
import { parentPort, workerData } from 'node:worker_threads';
import { attacks } from './kinds.ts';
import type { Ports, Running } from './tools.ts';

let running: Running | null = null;
parentPort!.on('message', (name: string) => {
  running?.();
  running = attacks.find((attack) => attack.name === name)?.start(workerData as Ports) ?? null;
  parentPort!.postMessage(name);
});
