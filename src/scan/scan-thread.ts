/** Worker thread that reads logs: runs one task at a time and sends candidates back in batches. */
import { parentPort } from 'node:worker_threads';
import type { Candidate } from './candidate.ts';
import { runTask, type Task, type TaskResult } from './task.ts';

export type ToWorker = { readonly task: Task } | { readonly taken: true };
export type FromWorker =
  | { readonly batch: Candidate[] }
  | { readonly raw: number }
  | { readonly result: TaskResult }
  | { readonly failed: string };

/** Most batches sent but not yet taken. */
const window = 8;

if (parentPort !== null) {
  const port = parentPort;
  let ahead = 0;
  let wake: (() => void) | null = null;
  const send = (message: FromWorker): void => port.postMessage(message);
  port.on('message', (message: ToWorker) => {
    if ('taken' in message) {
      ahead--;
      wake?.();
      return;
    }
    runTask(
      message.task,
      async (batch) => {
        send({ batch });
        ahead++;
        while (ahead >= window) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      },
      (raw) => send({ raw }),
    ).then(
      (result) => send({ result }),
      (error: unknown) => send({ failed: error instanceof Error ? error.message : String(error) }),
    );
  });
}
