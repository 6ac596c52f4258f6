import type { StreamConnection } from './stream-connection.ts';
import type { UpstreamError } from './upstream-error.ts';

/** Whom a connection of HTTP/2 to a backend tells how it fares. */
export interface ConnectionWatch {
  /** It may carry exchanges from now on. */
  onReady(connection: StreamConnection): void;
  /** It may carry one more, or none any more. */
  onRoom(connection: StreamConnection): void;
  /** It is gone. @param error where it never was ready: why */
  onGone(connection: StreamConnection, error: UpstreamError | null): void;
}
