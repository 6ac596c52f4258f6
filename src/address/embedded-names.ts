/**
 * Names that resolve to the address written in them: `169-254-169-254.nip.io`, `a9fea9fe.nip.io`, `10.0.0.1.sslip.io`. Such a name
 * passes a check of addresses, and then resolves to the forbidden one.
 */

const zone = /^(.*?)\.?(?:nip\.io|sslip\.io|xip\.io|traefik\.me|backname\.io|ip\.addr\.tools)$/i;
const dotted = /(?:^|[.-])((?:\d{1,3})[.-](?:\d{1,3})[.-](?:\d{1,3})[.-](?:\d{1,3}))$/;
const hexadecimal = /(?:^|[.-])([0-9a-f]{8})$/i;
const sixes = /(?:^|\.)([0-9a-f]{0,4}(?:-[0-9a-f]{0,4}){2,7})$/i;

/** Domains whose names all resolve to 127.0.0.1. */
const loopbackZone = /(?:^|\.)(?:localtest\.me|lvh\.me|vcap\.me|lacolhost\.com|localho\.st)$/i;

/** The address written in a name, as text; null if there is none. */
export function addressInName(host: string): string | null {
  if (loopbackZone.test(host)) return '127.0.0.1';
  const label = zone.exec(host)?.[1];
  if (label === undefined) return null;
  const quad = dotted.exec(label)?.[1];
  if (quad !== undefined) return quad.replaceAll('-', '.');
  const digits = hexadecimal.exec(label)?.[1];
  if (digits !== undefined) return `0x${digits}`;
  const six = sixes.exec(label)?.[1];
  return six === undefined ? null : six.replaceAll('-', ':');
}
