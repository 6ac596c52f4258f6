/** Asks an OCSP responder over HTTP (RFC 6960 appendix A): one request, bounded in time and bytes. */
import { request } from 'node:http';
import { wholeBody } from '../whole-body.ts';

/** The longest response read, in bytes: usual are 500 to 2,500. */
const mostBytes = 64 * 1024;
/** Milliseconds from the look-up of the name to the last byte. */
const responseTime = 10_000;

/**
 * Redirects are not followed: only the host that the certificate names is called.
 *
 * @param url an http: address
 * @throws Error if the responder can't be reached, or does not answer with a response in time
 */
export function askResponder(url: string, body: Buffer, signal: AbortSignal): Promise<Buffer> {
  const late = AbortSignal.timeout(responseTime);
  return new Promise<Buffer>((resolve, reject) => {
    const asked = request(
      url,
      {
        method: 'POST',
        headers: {
          'User-Agent': 'sekisho',
          'Content-Type': 'application/ocsp-request',
          'Content-Length': body.length,
        },
        agent: false,
        maxHeaderSize: 8192,
        signal: AbortSignal.any([signal, late]),
      },
      (response) => {
        wholeBody(response, mostBytes, () => new Error('the response is too long')).then(resolve, fail);
        if (response.statusCode !== 200)
          response.destroy(new Error(`the responder answered ${response.statusCode}`));
      },
    );
    const fail = (error: Error): void =>
      reject(late.aborted ? new Error('the responder did not answer in time', { cause: error }) : error);
    asked.on('error', fail);
    asked.end(body);
  });
}
