/** A hello-world Fastify app: bare, with `relayGuard`, or with `@fastify/rate-limit` as a yardstick for the cost of a plugin. */
import rateLimit from '@fastify/rate-limit';
import Fastify from 'fastify';
import { relayGuard } from '../../plugins/relay-guard.ts';

const [port, behind] = process.argv.slice(2);
const app = Fastify();
if (behind === 'relayGuard') await app.register(relayGuard, { hosts: ['127.0.0.1'] });
if (behind === 'rate-limit') await app.register(rateLimit, { max: 1e9, timeWindow: '1 minute' });
app.get('/', () => ({ hello: 'world' }));
await app.listen({ port: Number(port), host: '127.0.0.1' });
