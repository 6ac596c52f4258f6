/** How things are said to people. */

const intents: Readonly<Record<string, string>> = {
  'proxy-judge': 'a proxy test page',
  'mail-relay': 'a mail server',
  metadata: 'cloud metadata',
  'private-network': 'a private network',
  loopback: 'this machine itself',
  'chat-relay': 'a chat server',
  'turn-relay': 'traffic to third parties through a TURN server',
  'sip-relay': 'calls through a telephone gateway',
  'stream-relay': 'a stream through a media server',
  'cache-manager': 'the inside of a caching proxy',
  'socks-bind': 'a port of this server opened for a third party',
  'udp-relay': 'datagrams to third parties',
  'vpn-relay': 'packets to third parties, as by a VPN',
  'remote-login': 'a remote login elsewhere',
  'mail-access': 'a mailbox elsewhere',
  'third-party-attack': 'an attack on somebody else',
  web: 'a web page',
};

export const intentWords = (intent: string): string => intents[intent] ?? intent;

const actions: Readonly<Record<string, string>> = {
  block: 'turned away',
  flag: 'passed, flagged',
  allow: 'passed',
};

export const actionWords = (action: string): string => actions[action] ?? action;

/** `once`, `12 times`. */
export const times = (count: number): string => (count === 1 ? 'once' : `${amount(count)} times`);

/** What is wanted, as a heading of its own already says who. */
export const wantedWords = (why: string): string => why.replace(/^The sender wanted /, '');

export const answerWords = (answer: number | 'drop' | null): string =>
  answer === null ? 'passed on' : answer === 'drop' ? 'connection closed' : `status ${answer}`;

const number = new Intl.NumberFormat('en');
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

export const amount = (value: number): string => number.format(value);
/** `1.2 GiB`. */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const step = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  return `${new Intl.NumberFormat('en', { maximumFractionDigits: 1 }).format(bytes / 1024 ** step)} ${units[step]}`;
}
export const short = (value: number): string => (value < 10_000 ? amount(value) : compact.format(value));

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const date = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const full = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const zoned = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
});

/** `14:03:59` today, `24 Nov 14:03:59` before. */
export function timeText(iso: string | number): string {
  const time = new Date(iso);
  const today = time.toDateString() === new Date().toDateString();
  return today ? clock.format(time) : `${date.format(time)} ${clock.format(time)}`;
}

export const fullTime = (iso: string | number): string => full.format(new Date(iso));

/** With the zone, so that it can be looked up in logs: `27 Nov 2026, 14:03:59 UTC`. */
export const zonedTime = (iso: string): string => zoned.format(new Date(iso));

/** `15 minutes`, `hour`, `7 days`: as in "in the last …". @param ms milliseconds */
export function spanWords(ms: number): string {
  const [value, unit] =
    ms < 3_600_000
      ? [ms / 60_000, 'minute']
      : ms <= 86_400_000
        ? [ms / 3_600_000, 'hour']
        : [ms / 86_400_000, 'day'];
  return value === 1 ? unit : `${value} ${unit}s`;
}

/** `5 min`, as in "for another 5 min". @param ms milliseconds */
export function spanText(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 1) return 'less than a minute';
  if (minutes < 120) return `${minutes} min`;
  return minutes < 2880 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1440)} days`;
}

/** Of a line in a list: the prefix of IPv6, since one sender has the whole of it, and its addresses are long. */
export const clientText = (client: string, prefix: string): string =>
  client.includes(':') ? prefix : client;

/** The /24 of an IPv4 address, the /48 of an IPv6 prefix: about what one customer of a provider has. */
export function networkOf(prefix: string): string {
  const address = prefix.split('/', 1)[0]!;
  if (!address.includes(':')) return `${address.split('.').slice(0, 3).join('.')}.0/24`;
  const [head = '', tail = ''] = address.split('::', 2);
  const front = head === '' ? [] : head.split(':');
  const back = tail === '' ? [] : tail.split(':');
  const whole = [...front, ...Array.from({ length: 8 - front.length - back.length }, () => '0'), ...back];
  return `${whole.slice(0, 3).join(':')}::/48`;
}

/** A Host line without its port. */
export const hostOf = (destination: string): string => destination.replace(/:\d*$/, '');

/** A prefix of one IPv4 address is that address. */
export const sourceText = (prefix: string): string => prefix.replace(/\/32$/, '');
