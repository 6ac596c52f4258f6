/** The rows of the corpus that a real server refuses. */
import { type RuleId, ruleIds } from '../../src/rules/catalogue.ts';
import { corpus } from '../corpus/corpus.ts';
import type { CorpusRow } from '../corpus/row.ts';
import { runCorpus } from '../support/corpus-run.ts';
import type { Owner } from '../support/owner.ts';
import type { RawReply } from '../support/raw-client.ts';
import { anyBackend } from './any-backend.ts';
import type { ExportServer } from './servers.ts';

export interface Catches {
  /** Refused rows: a 4xx or 5xx from the server itself, or the connection closed without a byte. */
  readonly refused: ReadonlySet<CorpusRow>;
  /** Rows answered with a 2xx, which only the backend sends. */
  readonly served: ReadonlySet<CorpusRow>;
}

/** Sends the whole corpus. */
export async function catches(owner: Owner, server: ExportServer, exported: boolean): Promise<Catches> {
  const backend = await anyBackend(owner);
  const { port } = await server.start(owner, backend.port, exported);
  const refused = new Set<CorpusRow>();
  const served = new Set<CorpusRow>();
  const waiting: CorpusRow[] = [];
  const onReply = (row: CorpusRow, reply: RawReply): void => {
    const status = finalStatus(reply);
    if (status === null ? isClosed(reply) : isRefusal(status)) refused.add(row);
    if (status !== null && status < 300) served.add(row);
    if (reply.bytes.length === 0 && reply.ended === 'timeout') waiting.push(row);
  };
  await runCorpus(port, { onReply });
  // A server can wait for the rest of a line or body: sends these rows again and closes the sending side.
  await runCorpus(port, { rows: [...waiting], halfClose: true, onReply });
  return { refused, served };
}

function finalStatus({ responses, text }: RawReply): number | null {
  const status = responses.find((response) => response.status >= 200)?.status;
  // To HTTP/0.9 servers send an error page without a status line.
  return status ?? (Number(/^\s*<html>\s*<head>\s*<title>(4\d\d) /i.exec(text)?.[1] ?? 0) || null);
}

const isClosed = ({ bytes, ended }: RawReply): boolean => bytes.length === 0 && ended !== 'timeout';

/** 502 and 504 mean that the server tried to pass the request on. */
const isRefusal = (status: number): boolean => status >= 400 && status !== 502 && status !== 504;

/** Rows that a rule blocks. */
export const probesOf = (rule: RuleId): CorpusRow[] =>
  corpus.filter(({ expect }) => expect.verdict === 'block' && expect.rule === rule);

/** Rows that must be served. */
export const legitimate: readonly CorpusRow[] = corpus.filter(({ expect }) => expect.verdict !== 'block');

/** Rules that block rows of the corpus. */
export const probedRules: readonly RuleId[] = ruleIds.filter((rule) => probesOf(rule).length > 0);
