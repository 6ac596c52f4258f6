/** Access entries in the Combined Log Format of Apache and nginx, which GoAccess and AWStats read. */

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * @param line a JSON entry of the log
 * @returns the line, with its newline; null if it is not an access entry
 */
export function combinedLine(line: string): string | null {
  const entry = JSON.parse(line) as Record<string, unknown>;
  if (entry.event !== 'access') return null;
  const { time, client, method, path, protocol, status, bytes, referer, agent } = entry;
  const request = `${quoted(method)} ${quoted(path)} ${quoted(protocol)}`;
  return `${client} - - [${stamp(new Date(String(time)))}] "${request}" ${status} ${bytes} "${quoted(referer ?? '-')}" "${quoted(agent ?? '-')}"\n`;
}

/** Log injection: a quote from a client would end the field and forge the next ones. Written as \x22, as nginx does. */
const quoted = (value: unknown): string =>
  String(value).replace(
    /[^\x20-\x7e]|"/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );

/** In UTC, so that all machines of a fleet write the same. */
const stamp = (time: Date): string => {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${two(time.getUTCDate())}/${months[time.getUTCMonth()]}/${time.getUTCFullYear()}`;
  return `${day}:${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())} +0000`;
};
