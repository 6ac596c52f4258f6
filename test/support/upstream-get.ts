import type { UpstreamRequest } from '../../src/forward/upstream-exchange.ts';

/** A GET without a body, for the tests of pools and attempts. */
export const upstreamGet: UpstreamRequest = {
  method: 'GET',
  framing: 'none',
  head: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  body: null,
  trailers: [],
  ended: true,
  upgrade: false,
};
