import { corpus } from '../corpus/corpus.ts';
import type { CorpusRow } from '../corpus/row.ts';
import { allowedAddress, trustedAddress } from './gateway.ts';
import { exchange, type RawReply } from './raw-client.ts';

/** Rows sent at a time. */
const lanes = 24;

/**
 * Sends rows of the corpus to a gateway and waits for all replies.
 *
 * @param change turns a row's bytes into those to send
 * @param halfClose ends the sending side after each row
 * @param onReply called with each reply
 */
export async function runCorpus(
  port: number,
  options: {
    rows?: readonly CorpusRow[];
    change?: (bytes: string) => string;
    halfClose?: boolean;
    onReply?: (row: CorpusRow, reply: RawReply) => void;
  } = {},
): Promise<void> {
  const { rows = corpus, change = (bytes) => bytes, halfClose = false, onReply = () => {} } = options;
  const left = [...rows];
  const lane = async (): Promise<void> => {
    for (let row = left.pop(); row !== undefined; row = left.pop()) {
      const from = { trusted: trustedAddress, 'allow-listed': allowedAddress, none: undefined }[
        row.client ?? 'none'
      ];
      const reply = await exchange(port, change(row.bytes), {
        until: 1,
        timeout: 1_500,
        halfClose,
        ...(from === undefined ? {} : { from }),
      });
      onReply(row, reply);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Rows that never reach a backend. */
export const probes = corpus.filter(({ expect }) => expect.verdict === 'block');

/** The same bytes, with every foreign destination replaced by another. */
export const aimedAt =
  (authority: string) =>
  (bytes: string): string =>
    bytes.replace(
      /\b(?:[a-z0-9-]+\.)*(?:example\.(?:com|org)|evil\.example|evil)(?::\d+)?(?![\w.-])/gi,
      authority,
    );
