/** The health protocol of gRPC (grpc/doc/health-checking.md): asked of a backend of HTTP/2 where `health.path` names it. */
import { is } from '../wire/field-names.ts';

export const grpcHealthPath = '/grpc.health.v1.Health/Check';
/** Fields of the call. */
export const grpcFields = 'Content-Type: application/grpc\r\nTE: trailers\r\n';
/** A message of no bytes, behind its prefix: it asks for the server as a whole. */
export const grpcQuestion = Buffer.alloc(5);
/** `HealthCheckResponse { status: SERVING }`, behind its prefix. */
const serving = Buffer.from([0, 0, 0, 0, 2, 8, 1]);
/** An answer is shorter than this. */
export const longestAnswer = 1024;

/**
 * @param fields that hold `grpc-status`: the trailers, or the head of an answer that has no body
 * @returns what is wrong, or null
 */
export function grpcProblem(body: Buffer, fields: readonly string[]): string | null {
  const at = fields.findIndex((name, i) => i % 2 === 0 && is(name, 'grpc-status'));
  const status = at === -1 ? 'missing' : fields[at + 1]!;
  // 12 is UNIMPLEMENTED: it does not speak this protocol.
  if (status !== '0') return `answers ${grpcHealthPath} with a grpc-status ${status}`;
  return body.equals(serving) ? null : `says by ${grpcHealthPath} that it is not serving`;
}
