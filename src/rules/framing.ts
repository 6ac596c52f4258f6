/** Ambiguous or malformed message framing. */
import type { Evidence } from '../wire/evidence.ts';
import { is } from '../wire/field-names.ts';
import { seen } from '../wire/header-facts.ts';
import type { Sightings } from './sightings.ts';

export function seeFraming(sightings: Sightings): void {
  const { defects, version, method, rawHeaders, h2 } = sightings.request;
  for (const { why, at, overflow, byPage, elsewhereServed = false } of defects ?? []) {
    const where: Evidence = { part: 'bytes', start: at, end: at + 1 };
    if (overflow) sightings.see('header-overflow', why, where);
    else
      sightings.see('framing', why, where, {
        unmeant: elsewhereServed || (byPage === true && sightings.byBrowser),
      });
  }
  if (h2 === undefined && version !== '1.1' && version !== '1.0') {
    const what = version === '0.9' ? 'HTTP/0.9' : `the protocol is ${version}, not HTTP/1.0 or HTTP/1.1`;
    sightings.see('framing', what, { part: 'version', start: 0, end: version.length });
  }
  // Bytes that are no request have an empty method and a defect that says why.
  if (method === '' && (defects?.length ?? 0) === 0)
    sightings.seeByPage('framing', 'there is no method', { part: 'method', start: 0, end: 0 });
  const { transferEncoding, contentLength } = sightings.facts;
  if (transferEncoding !== -1 && h2 !== undefined) {
    sightings.seeHeader('framing', 'Transfer-Encoding in HTTP/2', transferEncoding);
  } else if (transferEncoding !== -1 && version !== '1.1') {
    sightings.seeHeader('framing', `Transfer-Encoding with HTTP/${version}`, transferEncoding);
  } else if (sightings.facts.underscored !== -1) {
    const field = sightings.inHeader(sightings.facts.underscored);
    sightings.seeByPage('framing', 'a framing field spelled with an underscore', field);
  } else if ((sightings.facts.seen & seen.framing) !== 0) {
    if (transferEncoding !== -1 && contentLength !== -1) {
      sightings.seeHeader('framing', 'Content-Length together with Transfer-Encoding', contentLength);
    } else if (transferEncoding !== -1) {
      sightings.seeHeader('framing', 'a Transfer-Encoding other than chunked alone', transferEncoding);
    } else {
      const many = rawHeaders.filter((name, i) => i % 2 === 0 && is(name, 'content-length')).length > 1;
      sightings.seeHeader(
        'framing',
        many ? 'more than one Content-Length' : 'a Content-Length that is no plain number',
        contentLength,
      );
    }
  }
}
