/** A separate process for tests: writes to a journal until it is killed, and prints its counts. Arguments: path, mode. */
import { EventFolder } from '../../src/events/fold.ts';
import { Journal } from '../../src/events/journal.ts';
import { probeEventOf } from '../support/probe-events.ts';

const [path = '', mode = 'many'] = process.argv.slice(2);
const journal = new Journal({
  path,
  keep: 86_400_000,
  maxSize: 2 ** 30,
  retry: 50,
  onTrouble: (reason) => process.stdout.write(`trouble ${reason ?? 'over'}\n`),
});
let sent = 0;
for (let round = 0; ; round++) {
  const folder = new EventFolder();
  for (let i = 0; i < 20; i++)
    folder.add(
      probeEventOf({
        time: Date.now(),
        client: `10.0.${round & 255}.${i}`,
        bytes: mode === 'large' ? 'x'.repeat(20_000) : 'CONNECT',
      }),
    );
  sent += 20;
  await journal.write(folder.take());
  const { written, unwritten } = journal.status;
  process.stdout.write(`sent ${sent} written ${written} unwritten ${unwritten}\n`);
  await new Promise((done) => setTimeout(done, 2));
}
