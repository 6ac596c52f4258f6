/** Limits on what an HTTP/2 peer can use up of this process: clients, and at the end backends. */

/** Concurrent streams (SETTINGS_MAX_CONCURRENT_STREAMS); a further one gets REFUSED_STREAM and can be retried. As nginx. */
export const maxStreams = 128;

/** Limit of an encoded field block, in multiples of `limits.headerBytes`; a longer one ends the connection. */
export const maxBlock = 4;

/** CONTINUATION frames per block (CVE-2024-27316): enough for 64 KiB in pieces of 1 KiB. */
export const maxContinuations = 64;

/**
 * Streams that the client reset, or made us reset by a fault, before their answer was complete (rapid reset, CVE-2023-44487;
 * CVE-2025-8671): a burst, then a rate, plus one for each complete answer. Leaving a page resets everything it still loads.
 */
export const resets = { burst: 200, perSecond: 20 };

/**
 * Frames that carry nothing: PING, SETTINGS, PRIORITY, empty DATA, WINDOW_UPDATE, unknown ones. Each KiB sent to the client allows
 * one more, since a client that reads sends WINDOW_UPDATE. So do each piece of a body that goes out unsplit, and each answer: gRPC clients
 * send two or three such frames for a message of a few bytes. A piece that a tiny window splits allows none. `most` bounds what can
 * be saved up: enough for a connection window full of one-byte messages.
 */
export const emptyFrames = { burst: 1000, perSecond: 100, perPiece: 4, perAnswer: 8, most: 65_536 };

/** Receive window of a stream, in bytes. */
export const streamWindow = 256 * 1024;
/** The same while a backend takes the body: 1 MiB allows 12 MiB/s at a round trip of 80 ms. */
export const grownStreamWindow = 1024 * 1024;
/** Receive windows of the connection. */
export const connectionWindow = 1024 * 1024;
export const grownConnectionWindow = 4 * 1024 * 1024;

/** Request bodies that wait for backends, on all connections, in bytes; beyond it streams are reset. */
export const maxHeld = 256 * 1024 * 1024;

/** Response bytes queued for one stream: at this the backend is paused, at half of it resumed. */
export const maxQueued = 128 * 1024;

/** Unwritten bytes on a connection: beyond this the peer is not read until it reads its answers. */
export const maxUnwritten = 256 * 1024;

/** Body bytes written in one event-loop turn. */
export const turnBytes = 256 * 1024;

/** Bytes a client must read for its stall timer to restart: windows of one byte must not keep a stream for ever. */
export const leastProgress = 1024;

/** Closed streams that are remembered, for frames already on their way. */
export const rememberedStreams = 256;

/** Milliseconds a client may go on sending a discarded body, as over HTTP/1. */
export const lingerTime = 5000;

/** Milliseconds a client has to read the last frames of a connection. */
export const farewell = 1000;

/** Milliseconds over which the rate of a request body is measured. */
export const rateWindow = 10_000;

/* Towards backends. */

/** Streams per connection to a backend, if it allows as many; beyond that another connection is opened. */
export const maxBackendStreams = 100;

/** Receive window of a stream, in bytes: what is buffered for a client that does not read. */
export const backendStreamWindow = 256 * 1024;
/** Receive window of the connection: large enough that no stream can use up the share of another. */
export const backendConnectionWindow = maxBackendStreams * backendStreamWindow;
