/** Field blocks of forwarded requests, and of trailers in both directions: RFC 9113 sections 8.1 and 8.3.1. */
import { FieldNames } from './field-names.ts';
import { connectionSpecific } from './h2-request.ts';
import { encodeClientField, encodeKnown } from './hpack-encoder.ts';

const host = new FieldNames('host');

/**
 * The field block of a request, from its HTTP/1 head.
 *
 * @param head request line, field lines and the empty line. They are ours, or were read strictly, so that no name or value holds
 *   a forbidden character
 * @param scheme that of the connection to the backend
 */
export function forwardedBlock(head: string, scheme: 'http' | 'https'): string {
  let at = head.indexOf('\r\n');
  const [method = '', path = ''] = head.slice(0, at).split(' ', 2);
  let authority = '';
  let fields = '';
  for (at += 2; ; ) {
    const end = head.indexOf('\r\n', at);
    if (end === at) break;
    const colon = head.indexOf(':', at);
    const name = head.slice(at, colon);
    const value = head.slice(colon + 2, end);
    at = end + 2;
    if (host.has(name)) authority = value;
    // `TE: trailers` is kept: gRPC needs it.
    else if (!connectionSpecific.has(name)) fields += encodeClientField(name, value);
  }
  return (
    encodeKnown(':method', method) +
    encodeKnown(':scheme', scheme) +
    encodeKnown(':path', path) +
    encodeKnown(':authority', authority) +
    fields
  );
}

/** @param trailers name, value, name, value … */
export function trailerBlock(trailers: readonly string[]): string {
  let block = '';
  for (let i = 0; i < trailers.length; i += 2) {
    if (!connectionSpecific.has(trailers[i]!)) block += encodeClientField(trailers[i]!, trailers[i + 1]!);
  }
  return block;
}
