/** The events of Node's HTTP servers that a checkpoint handles. */
import type { Server } from 'node:http';
import type { Http2SecureServer, Http2Server } from 'node:http2';

/** All kinds of HTTP servers in Node; one of `node:https` is a `Server` too. */
export type HttpServer = Server | Http2Server | Http2SecureServer;

export type Emit = (event: string, ...args: unknown[]) => boolean;

/** Events that carry a request. */
export const requestEvents: ReadonlySet<string> = new Set([
  'request',
  'checkContinue',
  'checkExpectation',
  'connect',
  'upgrade',
]);

/** Without listeners Node answers these itself, unjudged. */
export const solicited = ['connect', 'checkContinue', 'checkExpectation'] as const;
