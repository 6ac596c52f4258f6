/**
 * `open 198.51.100.203 80`, `telnet mx.example.com 25`, `198.51.100.203:80`: what WinGate and telnet proxies take. A
 * destination alone must be an address: two words are a request line otherwise.
 */
const telnet =
  /^(?:(?:open|telnet|ftp|ssh)[ \t]+((?:[a-z0-9_-]+\.)+[a-z0-9-]+)|((?:\d{1,3}\.){3}\d{1,3}))[ \t:]+(\d{1,5})[ \t\r]*$/i;

/**
 * Where a telnet proxy was asked to connect to; null where it was not.
 *
 * @param line without its line end
 */
export function telnetTarget(line: string): { readonly host: string; readonly port: number } | null {
  const m = line.length > 300 ? null : telnet.exec(line);
  return m === null ? null : { host: (m[1] ?? m[2]!).toLowerCase(), port: Number(m[3]) };
}
