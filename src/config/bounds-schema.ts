/** The part of the schema about bounds in time and size. */
import Type from 'typebox';
import { object, size, timeout } from './schema-parts.ts';

export const timeouts = object(
  {
    connect: timeout(
      '5s',
      'How long connecting to a backend may take; then the next one is tried, or 502 sent.',
    ),
    headers: timeout('60s', 'How long a backend may take to send the head of its response; then 504.'),
    body: timeout('60s', 'How long a body may stall, in either direction; then the connection is closed.'),
    idle: timeout('60s', 'How long a kept-alive client connection may wait for its next request.'),
    upgrade: timeout('5m', 'How long an upgraded connection (WebSocket) may be silent in both directions.'),
    minRate: Type.Integer({
      default: 500,
      minimum: 0,
      fix: 'write a number of bytes',
      description:
        'Minimum rate of a request body in bytes per second, checked every 10 seconds; a slower one gets 408. ' +
        'Hazard: without it, one client can hold the connections to a backend with bodies that trickle. 0: no minimum.',
    }),
    drain: timeout('10s', 'How long requests in flight may go on after SIGTERM; then they are cut off.'),
  },
  {
    default: {},
    description: 'Timeouts. Each is at least 1ms and at most 1d: nothing waits for ever.',
  },
);

export const limits = object(
  {
    headerBytes: size(
      '16KiB',
      'The longest head of a request, request line included; a longer one gets 431.',
    ),
    requestHeaders: timeout(
      '10s',
      'How long a client may take to send the head of a request; then 408. Keeps slow senders from holding connections.',
    ),
    bufferedBody: size(
      '64KiB',
      'How much of a request body is read before a connection to a backend is taken, so that a slow ' +
        'sender holds none. A longer body is passed on as it arrives.',
    ),
    connectionsPerClient: Type.Integer({
      default: 256,
      minimum: 1,
      fix: 'write a number of connections',
      description:
        'Maximum of connections of one client at a time; a further one is closed at once. Trusted proxies and clients in `bans.allow` ' +
        'have no limit.',
    }),
  },
  { default: {}, description: 'Bounds on what a client may send.' },
);
