/** A child process of `bench -- fleet`: applies bans as a worker does, and reports when it has the last. */
import { BanMirror } from '../src/bans/ban-mirror.ts';
import { unpackBans } from '../src/program/workers/ban-batch.ts';

const mirror = new BanMirror({ clock: Date.now });
process.on('message', ({ bans, last }: { bans: Float64Array; last: boolean }) => {
  unpackBans(bans, (key, ban) => mirror.put(key, ban));
  if (last) process.send!('done');
});
process.on('disconnect', () => process.exit());
process.send!('ready');
