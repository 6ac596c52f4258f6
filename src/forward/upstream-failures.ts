/** Failures of a backend that HTTP/1 and HTTP/2 share, worded once. */
import { refusedHere } from '../listener/refused-dial.ts';
import { UpstreamError } from './upstream-error.ts';

/**
 * A deadline passed.
 *
 * @param answering the head of the answer has come
 * @param byClient the exchange waits for the client, not for the backend
 */
export function timedOut(name: string, answering: boolean, byClient: boolean): UpstreamError {
  if (byClient) {
    const what = answering ? 'taking the response of' : 'sending its request to';
    return new UpstreamError(408, `a client stopped ${what} ${name}`, 'client');
  }
  return new UpstreamError(
    504,
    answering ? `${name} stopped in the middle of a response` : `${name} did not answer in time`,
  );
}

export const notAccepted = (name: string): UpstreamError =>
  new UpstreamError(504, `${name} did not accept a connection in time`, 'unsent');

/** The client's side threw on an answer. */
export const notPassedOn = (name: string, error: unknown): UpstreamError =>
  new UpstreamError(502, `the answer of ${name} could not be passed on: ${error}`);

/** Words for an error of the socket. */
export function socketProblem(error: Error, connecting: boolean): string {
  const what = connecting ? 'accepts no connection' : 'broke the connection';
  return `${what}: ${error.message || (error as NodeJS.ErrnoException).code}${refusedHere(error)}`;
}
