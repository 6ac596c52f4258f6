/**
 * Commands of WinGate and telnet proxies: `open 198.51.100.203 80`, `telnet mx.example.com 25`, `mx.example.com:25`. A name without
 * a command must have a dot, and only a port after it: no request line begins so.
 */
const telnet = /^(?:(?:open|telnet|ftp|ssh)[ \t]+)?((?:[a-z0-9_-]+\.)+[a-z0-9-]+)[ \t:]+(\d{1,5})[ \t\r]*$/i;

/**
 * The destination in a command to a telnet proxy; null if the line is none.
 *
 * @param line without its line end
 */
export function telnetTarget(line: string): { readonly host: string; readonly port: number } | null {
  const m = line.length > 300 ? null : telnet.exec(line);
  return m === null ? null : { host: m[1]!.toLowerCase(), port: Number(m[2]) };
}
