/** Protocols other than HTTP that scanners and mistaken clients send to a web port, recognized by their first bytes. */
import { isStun } from './stun.ts';
import { telnetTarget } from './telnet-proxy.ts';

export interface ForeignProtocol {
  /** The protocol's own name. */
  readonly name: string;
  /** Where its first bytes are specified. */
  readonly reference: string;
}

interface Row extends ForeignProtocol {
  /** Hexadecimal; `..` is any byte. Or the text, one character per byte. */
  readonly begins: string | RegExp;
}

/** Tried in this order: the more specific first. */
const rows: readonly Row[] = [
  // A client's first request to a TURN server is an Allocate (method 3): a relayed address for traffic to third parties.
  { name: 'TURN', reference: 'RFC 8656 section 7.1', begins: '00 03 .. .. 21 12 a4 42' },
  { name: 'TURN', reference: 'RFC 8656 section 7.1; RFC 4571', begins: '.. .. 00 03 .. .. 21 12 a4 42' },
  { name: 'SSH', reference: 'RFC 4253 section 4.2', begins: /^SSH-\d\.\d+-/ },
  {
    name: 'RDP',
    reference: 'MS-RDPBCGR section 2.2.1.1',
    begins: '03 00 .. .. .. e0 .. .. .. .. .. 43 6f 6f 6b 69 65',
  },
  {
    name: 'RDP',
    reference: 'MS-RDPBCGR section 2.2.1.1',
    begins: '03 00 00 13 0e e0 .. .. .. .. .. 01 .. 08 00',
  },
  { name: 'ISO transport', reference: 'RFC 1006 section 6; X.224', begins: '03 00 .. .. .. e0' },
  {
    name: 'SMB',
    reference: 'MS-SMB2 section 2.1; MS-CIFS section 2.2.3.1',
    begins: '00 .. .. .. ff 53 4d 42',
  },
  { name: 'SMB', reference: 'MS-SMB2 sections 2.1 and 2.2.1', begins: '00 .. .. .. fe 53 4d 42' },
  { name: 'MS-RPC', reference: 'DCE 1.1: Remote Procedure Call, chapter 12', begins: '05 00 0b' },
  { name: 'LDAP', reference: 'RFC 4511 section 4.2', begins: '30 .. 02 01 .. 60' },
  {
    name: 'PostgreSQL',
    reference: 'PostgreSQL frontend/backend protocol, SSLRequest',
    begins: '00 00 00 08 04 d2 16 2f',
  },
  {
    name: 'PostgreSQL',
    reference: 'PostgreSQL frontend/backend protocol, StartupMessage',
    begins: '00 00 .. .. 00 03 00 00',
  },
  {
    name: 'MongoDB',
    reference: 'MongoDB wire protocol, OP_QUERY',
    begins: '.. .. 00 00 .. .. .. .. .. .. .. .. d4 07 00 00',
  },
  {
    name: 'MongoDB',
    reference: 'MongoDB wire protocol, OP_MSG',
    begins: '.. .. 00 00 .. .. .. .. .. .. .. .. dd 07 00 00',
  },
  { name: 'SQL Server', reference: 'MS-TDS section 2.2.6.5', begins: '12 01 00 .. 00 00' },
  { name: 'AJP', reference: 'AJP version 1.3; CVE-2020-1938', begins: '12 34 .. .. 02' },
  { name: 'FastCGI', reference: 'FastCGI specification, section 3.3', begins: '01 01 .. .. 00 08 00 00' },
  { name: 'MQTT', reference: 'MQTT version 3.1.1, section 3.1', begins: '10 .. 00 04 4d 51 54 54' },
  { name: 'AMQP', reference: 'AMQP version 0-9-1, section 4.2.2', begins: '41 4d 51 50 .. .. .. ..' },
  { name: 'BitTorrent', reference: 'BEP 3', begins: /^\x13BitTorrent protocol/ },
  {
    name: 'Java RMI',
    reference: 'Java Remote Method Invocation specification, section 10.2',
    begins: '4a 52 4d 49 00',
  },
  { name: 'GIOP', reference: 'CORBA version 3.0, section 15.4', begins: '47 49 4f 50 01' },
  { name: 'ADB', reference: 'Android Debug Bridge, protocol.txt', begins: '43 4e 58 4e .. .. .. ..' },
  { name: 'X11', reference: 'X Window System Protocol, section 8', begins: '6c 00 0b 00' },
  { name: 'PPTP', reference: 'RFC 2637 section 2.1', begins: '00 9c 00 01 1a 2b 3c 4d' },
  { name: 'OpenVPN', reference: 'OpenVPN protocol, P_CONTROL_HARD_RESET_CLIENT_V2', begins: '00 .. 38' },
  { name: 'DNS', reference: 'RFC 1035 section 4.2.2', begins: '00 .. .. .. 01 00 00 01 00 00' },
  {
    name: 'DNS',
    reference: 'RFC 1035 section 4.2.2; nmap DNSStatusRequestTCP',
    begins: '00 0c 00 00 10 00 00 00',
  },
  { name: 'Oracle TNS', reference: 'nmap oracle-tns', begins: '00 .. 00 00 01 00 00 00 01' },
  { name: 'telnet', reference: 'RFC 854', begins: /^\xff[\xfb-\xfe]/ },
  { name: 'VNC', reference: 'RFC 6143 section 7.1.1', begins: /^RFB \d{3}\.\d{3}\n/ },
  { name: 'RTSP', reference: 'RFC 2326 section 6.1; RFC 7826', begins: /^[A-Z_]+ \S+ RTSP\/\d\.\d\r?\n/ },
  { name: 'SIP', reference: 'RFC 3261 section 7.1', begins: /^[A-Z]+ \S+ SIP\/2\.0\r?\n/ },
  { name: 'ICAP', reference: 'RFC 3507 section 4.3', begins: /^[A-Z]+ \S+ ICAP\/1\.0\r?\n/ },
  { name: 'Icecast', reference: 'Icecast source clients', begins: /^[A-Z]+ \S+ ICE\/1\.0\r?\n/ },
  { name: 'FTP', reference: 'RFC 959 section 4.1', begins: /^(?:USER [^ \r\n]+|SYST|FEAT|PASV)\r?\n/ },
  {
    name: 'IRC',
    reference: 'RFC 2812 section 3.1',
    begins: /^(?:NICK [^ \r\n]+|CAP LS(?: 30\d)?|USER [^ \r\n]+ \S+ \S+ :?[^\r\n]*)\r?\n/,
  },
  { name: 'POP3', reference: 'RFC 2449 section 5', begins: /^CAPA\r?\n/ },
  {
    name: 'IMAP',
    reference: 'RFC 3501 section 6.1.1',
    begins: /^[A-Za-z0-9.]+ (?:CAPABILITY|LOGIN [^\r\n]*)\r?\n/,
  },
  { name: 'Redis', reference: 'Redis serialization protocol, clients', begins: /^\*\d{1,6}\r?\n/ },
  {
    name: 'Redis',
    reference: 'Redis serialization protocol, inline commands',
    begins: /^(?:PING|INFO(?: [a-z]+)?|CONFIG (?:GET|SET) [^\r\n]*)\r?\n/i,
  },
  { name: 'memcached', reference: 'memcached, protocol.txt', begins: /^(?:stats(?: [a-z]+)?|version)\r?\n/ },
  {
    name: 'Stratum',
    reference: 'the Stratum mining protocol',
    begins: /^\{[^\r\n]{0,400}"method" ?: ?"(?:mining\.|login|eth_)/,
  },
  { name: 'WebLogic T3', reference: 'nmap weblogic-t3-info', begins: /^t3s? \d+(?:\.\d+)*\r?\n/ },
  // 56 hexadecimal digits are the SHA-224 of the password; the destination follows.
  { name: 'Trojan', reference: 'the Trojan protocol', begins: /^[0-9a-f]{56}\r\n/ },
  { name: 'Magellan', reference: 'the banner of a scanner: MGLNDD_address_port', begins: /^MGLNDD_/ },
];

const bytesOf = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern.replace(/(\.\.|[0-9a-f]{2}) ?/g, (_, byte: string) => (byte === '..' ? '[^]' : `\\x${byte}`))}`,
  );

const table = rows.map(({ begins, ...protocol }) => ({
  protocol,
  begins: typeof begins === 'string' ? bytesOf(begins) : begins,
}));

const stun = { name: 'STUN', reference: 'RFC 8489 section 5' };
const wingate = { name: 'telnet proxy', reference: 'WinGate; telnet proxies' };
const minecraft = { name: 'Minecraft', reference: 'Minecraft Java edition protocol, handshake' };
const unknown = { name: 'unknown', reference: 'random bytes, as Shadowsocks and obfuscating proxies send' };

const httpLine = /^[^\r\n]* HTTP\/\d[^\r\n]*\r?\n/;
/** A byte in the first word that no request line can have. */
const noise = /^[^ \t\r\n]{0,64}[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\xff]/;

/**
 * The protocol of the first bytes of a connection, if it is neither HTTP nor one that `classifyFirstBytes`
 * knows; null if they are HTTP, or unknown text. Total; reads at most the first 512.
 */
export function foreignProtocol(bytes: Uint8Array): ForeignProtocol | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 512)).toString(
    'latin1',
  );
  if (httpLine.test(text)) return null;
  for (const { protocol, begins } of table) if (begins.test(text)) return protocol;
  if (isStun(bytes)) return stun;
  if (telnetTarget(text.split('\n', 1)[0]!) !== null) return wingate;
  if (isMinecraft(bytes)) return minecraft;
  return noise.test(text) ? unknown : null;
}

/** Length, packet 0, the version (a varint), the name of the server with its length, a port, and 1 (status) or 2 (login). */
function isMinecraft(bytes: Uint8Array): boolean {
  const length = bytes[0] ?? 0;
  if (length > 0x7f || bytes[1] !== 0) return false;
  let at = 2;
  while (at < 7 && bytes[at]! >= 0x80) at++;
  const end = at + 2 + bytes[at + 1]! + 2;
  const next = bytes[end];
  return end === length && (next === 1 || next === 2);
}
