/** The gateway with a checkpoint that inspects nothing; the difference to the real one is the cost of judging. */
import { main } from '../../src/cli.ts';
import { Checkpoint, type Judged } from '../../src/guard/checkpoint.ts';

const { judgeRead } = Checkpoint.prototype;
let first: Judged | null = null;
Checkpoint.prototype.judgeRead = function (request, socket) {
  first ??= judgeRead.call(this, request, socket);
  const verdict = { ...first!.verdict, path: request.target };
  return { ...first!, request, verdict };
};
process.exitCode = await main(process.argv.slice(2));
