/** The gRPC health checking protocol (grpc/doc/health-checking.md): used with an HTTP/2 backend where `health.path` names it. */
import { is } from '../wire/field-names.ts';

export const grpcHealthPath = '/grpc.health.v1.Health/Check';
export const grpcFields = 'Content-Type: application/grpc\r\nTE: trailers\r\n';
/** An empty message after its prefix: asks about the server as a whole. */
export const grpcQuestion = Buffer.alloc(5);
/** `HealthCheckResponse { status: SERVING }` after its prefix. */
const serving = Buffer.from([0, 0, 0, 0, 2, 8, 1]);
/** Limit of an answer, in bytes. */
export const longestAnswer = 1024;

/**
 * @param fields with `grpc-status`: the trailers, or the head of an answer without a body
 * @returns what is wrong, or null
 */
export function grpcProblem(body: Buffer, fields: readonly string[]): string | null {
  const at = fields.findIndex((name, i) => i % 2 === 0 && is(name, 'grpc-status'));
  const status = at === -1 ? 'missing' : fields[at + 1]!;
  // 12, UNIMPLEMENTED: the backend has no health service.
  if (status !== '0') return `answers ${grpcHealthPath} with a grpc-status ${status}`;
  return body.equals(serving) ? null : `answers ${grpcHealthPath} that it is not serving`;
}
