/** The corpus in pieces, through its own gateway. */
import assert from 'node:assert/strict';
import { corpus } from '../corpus/corpus.ts';
import type { CorpusRow } from '../corpus/row.ts';
import { corpusConfig, runGateway } from '../support/gateway.ts';
import type { Owner } from '../support/owner.ts';
import { recordingBackend } from '../support/recording-backend.ts';
import { type Outcome, SplitRun } from './split-run.ts';

/** A gateway with the sites of the corpus, and a backend that accepts every WebSocket. */
export async function splitRun(owner: Owner): Promise<SplitRun> {
  const backend = await recordingBackend(owner, {
    answer: ({ headerLines }) =>
      headerLines.some((line) => /^upgrade: websocket$/i.test(line))
        ? 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
        : 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok',
  });
  const config = corpusConfig(backend.url);
  return new SplitRun(await runGateway(owner, config), backend);
}

/** The offsets at which a row is cut: every byte, or one in `oneOf`, beginning at another byte for each row. */
export function cutsOf(row: CorpusRow, oneOf = 1): number[] {
  const first = 1 + (corpus.indexOf(row) % oneOf);
  const cuts: number[] = [];
  for (let cut = first; cut < row.bytes.length; cut += oneOf) cuts.push(cut);
  return cuts;
}

/**
 * Node's parser reads these as HTTP/1.0, and the difference is only visible if the whole line arrives at once. What is forwarded is one
 * request in our own form.
 */
const takenForHttp = new Set(['framing-rtsp-options', 'framing-rtsp-get']);

/**
 * Compares a row in pieces with the same row sent whole. A served one must reach the backend as the same bytes and get the same answer;
 * a refused one must be refused.
 *
 * @returns whether a refusal names the same rule
 */
export function checkSplit(row: CorpusRow, whole: Outcome, split: Outcome, where: string): boolean {
  if (row.expect.verdict !== 'block' || whole.reached.length > 0) {
    assert.deepEqual(split, whole, where);
    return true;
  }
  if (takenForHttp.has(row.id) && split.reached.length === 1) {
    assert.match(split.reached[0]!, /^(?:GET|OPTIONS) \S+ HTTP\/1\.1\r\nHost: /, where);
    return false;
  }
  assert.deepEqual(split.reached, [], where);
  assert.match(split.answer, /^(?:HTTP\/1\.1 (?:4\d\d|501) |$)/, where);
  return split.answer === whole.answer;
}
