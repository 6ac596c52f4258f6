/** The events of Node's HTTP servers, as far as a checkpoint deals with them. */
import type { Server } from 'node:http';
import type { Http2SecureServer, Http2Server } from 'node:http2';

/** Every kind of server that Node has for HTTP; those of `node:https` are of the first. */
export type HttpServer = Server | Http2Server | Http2SecureServer;

export type Emit = (event: string, ...args: unknown[]) => boolean;

/** Those that carry a request. */
export const requestEvents: ReadonlySet<string> = new Set([
  'request',
  'checkContinue',
  'checkExpectation',
  'connect',
  'upgrade',
]);

/** Without listeners Node would answer these by itself, before anybody has judged. */
export const solicited = ['connect', 'checkContinue', 'checkExpectation'] as const;
