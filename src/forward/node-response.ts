/** Writes informational responses and trailers to a Node response, of HTTP/1 or HTTP/2. */
import type { Http2ServerResponse } from 'node:http2';
import type { Response } from '../guard/received.ts';

const isHttp2Response = (res: Response): res is Http2ServerResponse => 'stream' in res;

/** RFC 9110 section 5.3: the lines of a field joined into one, except cookies. */
function* oneLineEach(fields: ReadonlyMap<string, string[]>): Generator<[string, string | string[]]> {
  for (const [name, values] of fields)
    yield [name, name === 'set-cookie' ? values : [...new Set(values)].join(', ')];
}

/**
 * Removes TRACE and CONNECT from the methods a backend offers: they are refused here, and scanners (nmap http-methods) report the
 * offer as a finding.
 */
export function offerWhatPasses(rawHeaders: string[]): void {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (!/^(?:allow|public)$/i.test(rawHeaders[i]!)) continue;
    const methods = rawHeaders[i + 1]!.split(',').map((method) => method.trim());
    rawHeaders[i + 1] = methods.filter((method) => !/^(?:trace|connect)$/i.test(method)).join(', ');
  }
}

/** An informational response, RFC 9110 section 15.2. */
export function writeInformation(res: Response, status: number, rawHeaders: string[]): void {
  if (!isHttp2Response(res)) {
    if (status === 100) res.writeContinue();
    // Node 24 has no such method: there only the final response is passed on.
    else res.writeInformation?.(status, rawHeaders);
    return;
  }
  const fields = Object.fromEntries(oneLineEach(grouped(rawHeaders)));
  res.stream.additionalHeaders({ ':status': status, ...fields });
}

/** @param trailers name, value, name, value … */
export function addTrailers(res: Response, trailers: readonly string[]): void {
  const fields = Object.fromEntries(
    [...grouped(trailers)].map(([name, values]) => [name, values.join(', ')]),
  );
  res.addTrailers(fields);
}

function grouped(rawHeaders: readonly string[]): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    const values = fields.get(name);
    if (values === undefined) fields.set(name, [rawHeaders[i + 1]!]);
    else values.push(rawHeaders[i + 1]!);
  }
  return fields;
}
