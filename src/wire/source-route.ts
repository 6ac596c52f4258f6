/**
 * Where mail for a path would really go at a server that follows routes: RFC 5321 appendix C (`@a,@b:user@c`), the
 * percent hack and bang paths of RFC 1123 section 5.2.16 and RFC 976, quoted local parts that hold an address.
 *
 * The last label after the `@` says only who is asked first; the effective destination is where the asking ends.
 */
import { canonicalMailDomain, lowered } from './mail-domain.ts';
import { type Mailbox, parsePath, type SmtpPath, writeMailbox } from './smtp-path.ts';

export type RouteKind = 'source-route' | 'percent-hack' | 'bang-path' | 'quoted-route' | 'address-list';

/** One thing that a source-routing server does with the address. */
export interface RouteStep {
  readonly kind: RouteKind;
  /** What stands before it, as an address. */
  readonly from: string;
  /** What is left, as an address. */
  readonly to: string;
  /** The hop that the step names: who gets the mail next. */
  readonly hop: string | null;
}

export interface EffectiveDestination extends Mailbox {
  readonly steps: readonly RouteStep[];
}

/**
 * No mail travels so far. Each step reads the address again: a command line full of `!` would else hold up everybody for
 * as long as it takes to walk its two thousand hops.
 */
const mostSteps = 16;

/**
 * Follows a path to its end.
 *
 * @param owns whether a canonical domain (null: no domain was given) is this server's. Only at our own hosts is the
 *   local part ours to read; at a foreign one `%` and `!` are that host's affair, and the walk ends
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

  // Every step makes the local part shorter, so this ends; and once a route is being followed, every hop it names is
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
  // Half- and full-width signs become the ASCII ones in servers that normalise (Unicode NFKC).
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

/** An address inside a local part: read afresh, its own source route taken as walked. */
function inside(text: string, whole: string): Mailbox {
  const { local, domain } = parsePath(text.replace(/[<> \t]/g, ''));
  // A reading that is not shorter would go round for ever.
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
