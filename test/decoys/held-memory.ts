/** A separate process that holds connections in a tarpit and reports its memory. */
import { createDecoy } from '../../src/decoys/decoy.ts';

const count = Number(process.argv[2]);
const decoy = createDecoy(
  {
    listen: '0.0.0.0:0',
    speaks: 'socks',
    skin: 'plain',
    realm: null,
    tarpit: { connections: 20_000, time: 600_000 },
    connections: 20_000,
    messageTime: 60_000,
  },
  { onEvent: () => {}, log: console },
);
console.log(`port ${(await decoy.listen()).port}`);
setInterval(() => {
  if (decoy.held < count) return;
  console.log(`held ${decoy.held} in ${Math.ceil(process.memoryUsage.rss() / 2 ** 20)} MiB`);
}, 500);
