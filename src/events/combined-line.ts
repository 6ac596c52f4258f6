/** Combined Log Format, as Apache and nginx write it and GoAccess and AWStats read it. */

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * @param line a JSON entry of the log
 * @returns the line of an access entry, with its newline; null: the entry is another one
 */
export function combinedLine(line: string): string | null {
  const entry = JSON.parse(line) as Record<string, unknown>;
  if (entry.event !== 'access') return null;
  const { time, client, method, path, protocol, status, bytes, referer, agent } = entry;
  const request = `${quoted(method)} ${quoted(path)} ${quoted(protocol)}`;
  return `${client} - - [${stamp(new Date(String(time)))}] "${request}" ${status} ${bytes} "${quoted(referer ?? '-')}" "${quoted(agent ?? '-')}"\n`;
}

/** A quote from a client would end the field, and let it write the ones behind it: as nginx does, it is \x22. */
const quoted = (value: unknown): string =>
  String(value).replace(
    /[^\x20-\x7e]|"/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );

/** In UTC: the machines of a fleet agree on it. */
const stamp = (time: Date): string => {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${two(time.getUTCDate())}/${months[time.getUTCMonth()]}/${time.getUTCFullYear()}`;
  return `${day}:${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())} +0000`;
};
