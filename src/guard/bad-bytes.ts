/** Bytes that Node's parser refused. */
import { judge, judgeFirstBytes, type Verdict } from '../judge.ts';
import type { Policy } from '../rules/policy.ts';
import type { HttpRequest } from '../wire/http-request.ts';
import { parseRequestHead } from '../wire/request-head.ts';

/** An error of Node's parser. */
export interface ParserError extends Error {
  readonly code?: string;
  readonly reason?: string;
  readonly bytesParsed?: number;
  readonly rawPacket?: Buffer;
}

const nothing: HttpRequest = { method: '', target: '', version: '1.0', rawHeaders: [] };

/**
 * Judges what the parser refused. Always a block.
 *
 * @param whole the bytes begin with the start of a message and end with the last byte received
 * @param first the connection begins with them
 */
export function judgeBytes(
  error: ParserError,
  bytes: Buffer,
  { whole, first }: { whole: boolean; first: boolean },
  policy: Policy,
): Verdict {
  if (first) {
    const other = judgeFirstBytes(bytes, policy);
    if (other !== null) return other;
  }
  const at = Math.max(
    0,
    (error.bytesParsed ?? 0) - ((error.rawPacket?.length ?? bytes.length) - bytes.length),
  );
  const overflow = error.code === 'HPE_HEADER_OVERFLOW';
  const defect = { why: error.reason ?? 'the bytes are no HTTP request', at, overflow };
  const head = whole ? parseRequestHead(bytes) : null;
  if (head !== null && overflow) {
    // An incomplete head: only the request line is judged, since a field that seems missing may be in the rest.
    const { method, target } = head;
    return judge({ method, target, version: '1.0', rawHeaders: [], defects: [defect] }, policy);
  }
  if (head === null) return judge({ ...nothing, defects: [defect] }, policy);
  const { defects, ...request } = head;
  const verdict = judge(defects.length > 0 ? { ...request, defects } : request, policy);
  // The parser refused it, so it is refused, even if our own reader finds nothing wrong.
  if (verdict.action === 'block') return verdict;
  const elsewhereServed = onlyNodeRefuses.has(error.code ?? '');
  return judge({ ...request, defects: [...defects, { ...defect, elsewhereServed }] }, policy);
}

/** Node also refuses raw UTF-8 in a target and half of the registered methods; our own reader accepts them. */
const onlyNodeRefuses = new Set(['HPE_INVALID_URL', 'HPE_INVALID_METHOD']);
