import type { StreamConnection } from './stream-connection.ts';
import type { UpstreamError } from './upstream-error.ts';

/** The owner of HTTP/2 connections to a backend. */
export interface ConnectionWatch {
  /** It accepts exchanges from now on. */
  onReady(connection: StreamConnection): void;
  /** An exchange ended, or the backend changed how many streams it allows. */
  onRoom(connection: StreamConnection): void;
  /** It is closed. @param error where it never became ready: why */
  onGone(connection: StreamConnection, error: UpstreamError | null): void;
}
