/** What one peer may take of this process by HTTP/2: a client, and towards its end a backend. */

/** Streams at a time (SETTINGS_MAX_CONCURRENT_STREAMS); one more is refused, and may be sent again. As nginx. */
export const maxStreams = 128;

/** The most of a field block before it is decoded, in multiples of `limits.headerBytes`: what is longer ends the connection. */
export const maxBlock = 4;

/** CONTINUATION frames of one block (CVE-2024-27316): a block of 64 KiB in pieces of 1 KiB. */
export const maxContinuations = 64;

/**
 * Streams that ended in a fault or a reset of the client before their answer was whole: so many at once, then so many a second
 * and one for each answer that was taken (rapid reset, CVE-2023-44487; resets that a client makes us send, CVE-2025-8671). A page that is left resets what it still loads.
 */
export const resets = { burst: 200, perSecond: 20 };

/**
 * Frames that carry nothing: PING, SETTINGS, PRIORITY, empty DATA, WINDOW_UPDATE, unknown ones. Each KiB sent to the client
 * allows one more, since a client that reads tells so; so do each piece that went out as it was, and each answer: clients of gRPC send two or three
 * such frames for a message of a few bytes. A piece that goes out in parts, as a window of a byte has it, allows no more. What
 * is allowed by that may come all at once: as much as answers messages of a byte that fill the window of a connection.
 */
export const emptyFrames = { burst: 1000, perSecond: 100, perPiece: 4, perAnswer: 8, most: 65_536 };

/** What the client may send on a stream before it is told that more is taken, in bytes. */
export const streamWindow = 256 * 1024;
/** The same once a backend takes the body: 1 MiB is 12 MiB/s at 80 ms. */
export const grownStreamWindow = 1024 * 1024;
/** On all streams together. */
export const connectionWindow = 1024 * 1024;
export const grownConnectionWindow = 4 * 1024 * 1024;

/** Request bodies that wait for backends, over all connections, in bytes: a stream that would add to more is reset. */
export const maxHeld = 256 * 1024 * 1024;

/** Of a response, waiting for the client to take it, in bytes: at that the backend is held back, at half of it it goes on. */
export const maxQueued = 128 * 1024;

/** Of all that waits to be written, in bytes: beyond it the client is not read (it must take its answers first). */
export const maxUnwritten = 256 * 1024;

/** What one turn of the event loop writes of bodies, in bytes: the next turn writes on. */
export const turnBytes = 256 * 1024;

/** What must be taken of a response for its stall to begin anew, in bytes: windows of one byte keep no stream for ever. */
export const leastProgress = 1024;

/** Streams whose end is remembered, for frames that were on their way. */
export const rememberedStreams = 256;

/** Milliseconds that a client may go on sending a body that nobody wants any more, as over HTTP/1. */
export const lingerTime = 5000;

/** Milliseconds for a client to take the last words of a connection. */
export const farewell = 1000;

/** Milliseconds over which the rate of a request body is looked at. */
export const rateWindow = 10_000;

/* Towards backends. */

/** Streams on one connection to a backend, where that takes as many; beyond it there is another connection. */
export const maxBackendStreams = 100;

/** What a backend may send on a stream before its client has taken it, in bytes: as much is held for a client that does not read. */
export const backendStreamWindow = 256 * 1024;
/** On all streams together: no stream can use up what the others may send. */
export const backendConnectionWindow = maxBackendStreams * backendStreamWindow;
