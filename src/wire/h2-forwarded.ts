/** What is sent of a request to a backend, and trailers either way, as field blocks: RFC 9113 sections 8.1 and 8.3.1. */
import { FieldNames } from './field-names.ts';
import { connectionSpecific } from './h2-request.ts';
import { encodeClientField, encodeKnown } from './hpack-encoder.ts';

const host = new FieldNames('host');

/**
 * The head of a request, from its lines of HTTP/1.
 *
 * @param head request line and fields, a line each, with the empty line behind them. They are ours, or read strictly: no name or value holds what it
 * may not
 * @param scheme how the backend is spoken to
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
    // `TE: trailers` stays: gRPC asks for it.
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
