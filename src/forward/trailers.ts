/** Trailer fields that would change how the message is read (RFC 9110 section 6.5.1), and hop-by-hop ones. */
const forbidden =
  /^(?:transfer-encoding|content-length|host|connection|keep-alive|proxy-.*|upgrade|http2-settings|trailer|te|content-encoding|content-type|content-range|authorization|set-cookie|x-forwarded-.*|forwarded|x-real-ip|x-client-cert-.*)$/i;

/** The fields of name, value, name, value … that may be passed on. CGI reads `_` as `-`. */
export function allowedTrailers(trailers: readonly string[]): string[] {
  const allowed: string[] = [];
  for (let i = 0; i < trailers.length; i += 2) {
    if (!forbidden.test(trailers[i]!.replaceAll('_', '-'))) allowed.push(trailers[i]!, trailers[i + 1]!);
  }
  return allowed;
}

/** Content as one chunk. */
export const chunk = (content: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${content.length.toString(16)}\r\n`, 'latin1'), content, crlf]);

const crlf = Buffer.from('\r\n');

/** The end of a chunked body, trailers included. */
export function lastChunk(trailers: readonly string[]): string {
  let text = '0\r\n';
  for (let i = 0; i < trailers.length; i += 2) text += `${trailers[i]}: ${trailers[i + 1]}\r\n`;
  return `${text}\r\n`;
}
