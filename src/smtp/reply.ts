/** Reads the mail server's replies (RFC 5321 section 4.2), to be forwarded unchanged. */

export interface Reply {
  readonly code: number;
  /** The text of each line, without its code. */
  readonly lines: readonly string[];
  /** The whole reply, codes and CRLFs included, one character a byte. */
  readonly text: string;
}

export const isDone = ({ code }: Reply): boolean => code >= 200 && code < 300;

/** The mail server did not speak SMTP. */
export class ReplyError extends Error {
  override name = 'ReplyError';
}

const replyLine = /^([2-5]\d\d)(?:([ -])([^\r\n\0]*))?$/;
/** Bytes of one reply: a longer one would fill the memory. */
const longestReply = 65_536;

export class ReplyReader {
  #pending = '';
  #code = 0;
  #lines: string[] = [];
  #size = 0;

  /** Whether part of a reply has come. */
  get isInside(): boolean {
    return this.#pending !== '' || this.#lines.length > 0;
  }

  /**
   * Reads a chunk.
   *
   * @returns the replies it completes
   * @throws ReplyError if it is not a reply
   */
  push(chunk: Buffer): Reply[] {
    this.#pending += chunk.toString('latin1');
    // Scan only once a line has ended: a reply sent byte by byte must not cost quadratic time.
    const replies = chunk.includes(0x0a) ? this.#complete() : [];
    if (this.#pending.length > longestReply) throw new ReplyError('a reply line of more than 64 KiB');
    return replies;
  }

  #complete(): Reply[] {
    const replies: Reply[] = [];
    const text = this.#pending;
    let at = 0;
    for (let end = text.indexOf('\n', at); end !== -1; end = text.indexOf('\n', at)) {
      const line = text.slice(at, text[end - 1] === '\r' ? end - 1 : end);
      at = end + 1;
      const match = replyLine.exec(line);
      if (match === null) throw new ReplyError('a line that is not an SMTP reply');
      const code = Number(match[1]);
      if (this.#lines.length > 0 && code !== this.#code) throw new ReplyError('a reply with two codes');
      this.#code = code;
      this.#size += line.length;
      if (this.#size > longestReply) throw new ReplyError('a reply of more than 64 KiB');
      this.#lines.push(match[3] ?? '');
      if (match[2] === '-') continue;
      replies.push(reply(code, this.#lines));
      this.#lines = [];
      this.#size = 0;
    }
    this.#pending = text.slice(at);
    return replies;
  }
}

/** Builds a reply from a code and its lines. */
export function reply(code: number, lines: readonly string[]): Reply {
  const last = lines.length - 1;
  let text = '';
  for (let i = 0; i <= last; i++) text += `${code}${i === last ? ' ' : '-'}${lines[i]}\r\n`;
  return { code, lines, text };
}
