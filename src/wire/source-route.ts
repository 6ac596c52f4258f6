/**
 * Where a server that follows routes would send mail for a path: source routes of RFC 5321 appendix C (`@a,@b:user@c`), the
 * percent hack and bang paths of RFC 1123 section 5.2.16 and RFC 976, quoted local parts that hold an address.
 *
 * The domain after the last `@` is only the first hop; the effective destination is the last one.
 */
import { canonicalMailDomain, lowered } from './mail-domain.ts';
import { type Mailbox, parsePath, type SmtpPath, writeMailbox } from './smtp-path.ts';

export type RouteKind = 'source-route' | 'percent-hack' | 'bang-path' | 'quoted-route' | 'address-list';

/** One rewriting of the address by a server that follows routes. */
export interface RouteStep {
  readonly kind: RouteKind;
  /** The address before the step. */
  readonly from: string;
  /** The address after the step. */
  readonly to: string;
  /** The hop that gets the mail next. */
  readonly hop: string | null;
}

export interface EffectiveDestination extends Mailbox {
  readonly steps: readonly RouteStep[];
}

/**
 * Real mail has fewer hops. Each step reads the address again, so that a command line with two thousand `!` would otherwise stall
 * all other connections.
 */
const mostSteps = 16;

/**
 * Follows a path to its end.
 *
 * @param owns whether a canonical domain (null: no domain was given) is ours. The local part is only read at our own
 *   hosts; at a foreign one `%` and `!` are for that host to interpret, and the walk ends
 */
export function effectiveDestination(
  path: SmtpPath,
  owns: (domain: string | null) => boolean,
): EffectiveDestination {
  const steps: RouteStep[] = [];
  let box: Mailbox = { local: path.local, domain: path.domain };
  const take = (kind: RouteKind, hop: string | null, next: Mailbox, from = writeMailbox(box)): void => {
    steps.push({ kind, from, to: writeMailbox(next), hop });
    box = next;
  };

  for (let i = 0; i < path.route.length && steps.length < mostSteps; i++) {
    const left = path.route.slice(i).map((host) => `@${host}`);
    take('source-route', path.route[i + 1] ?? box.domain, box, `${left.join(',')}:${writeMailbox(box)}`);
  }

  // Every step shortens the local part, so the loop ends. Once a route is followed, every hop is
  // walked, ours or not: `a!b!foreign!user@own` ends at foreign.
  let following = steps.length > 0 || owns(box.domain);
  while (following && steps.length < mostSteps) {
    const next = peel(box.local, path.quoted);
    following = next !== null;
    if (next !== null) take(next.kind, next.box.domain, next.box);
  }
  return { ...box, steps };
}

function peel(local: string, quoted: boolean): { kind: RouteKind; box: Mailbox } | null {
  // Servers that normalise (Unicode NFKC) turn half- and full-width signs into ASCII ones.
  const text = /[\x80-\xff]/.test(local) ? foldSigns(local) : local;
  const separator = text.search(/[,;]/);
  const first = separator === -1 ? '' : text.slice(0, separator);
  if (first.includes('@')) return { kind: 'address-list', box: inside(first, text) };
  if (text.includes('@')) return { kind: quoted ? 'quoted-route' : 'address-list', box: inside(text, text) };
  const mail11 = /^([^:]+)::([^:]+)$/.exec(text);
  if (mail11 !== null) {
    // MAIL-11 writes host::user; testers also try user::host.
    const [left, right] = [mail11[1]!, mail11[2]!];
    const hostFirst = left.includes('.') || !right.includes('.');
    return {
      kind: 'bang-path',
      box: hostFirst ? { local: right, domain: domain(left) } : { local: left, domain: domain(right) },
    };
  }
  const bang = text.indexOf('!');
  if (bang > 0 && bang < text.length - 1)
    return { kind: 'bang-path', box: { local: text.slice(bang + 1), domain: domain(text.slice(0, bang)) } };
  const percent = text.lastIndexOf('%');
  if (percent > 0 && percent < text.length - 1)
    return {
      kind: 'percent-hack',
      box: { local: text.slice(0, percent), domain: domain(text.slice(percent + 1)) },
    };
  return null;
}

/** An address inside a local part. Its own source route is taken as walked. */
function inside(text: string, whole: string): Mailbox {
  const { local, domain } = parsePath(text.replace(/[<> \t]/g, ''));
  // A result that is not shorter would loop for ever.
  return local.length < whole.length ? { local, domain } : { local: '', domain };
}

const domain = (text: string): string => canonicalMailDomain(text) ?? lowered(text.replace(/\.$/, ''));

function foldSigns(latin1: string): string {
  return Buffer.from(
    Buffer.from(latin1, 'latin1')
      .toString('utf8')
      .replace(/[\uff00-\uff5f\ufe50-\ufe6b]/g, (sign) => sign.normalize('NFKC')),
    'utf8',
  ).toString('latin1');
}
