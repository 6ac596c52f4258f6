/** What an error of a dial says of this machine's own kernel, which may hold who can be called (`sekisho export egress`). */

/** @returns the rest of a sentence for operators; empty where the other side or the network is to blame */
export function refusedHere(error: Error): string {
  // Libraries put a code of their own in its place, and leave the words.
  switch (
    /\b(?:EPERM|EACCES|EHOSTUNREACH)\b/.exec(`${(error as NodeJS.ErrnoException).code} ${error.message}`)?.[0]
  ) {
    case 'EPERM':
    case 'EACCES':
      return ': refused by the kernel of this machine; where the rules of `sekisho export egress` are in force, write them anew';
    // What `reject with icmpx type admin-prohibited` comes back as, and a host that is away, too.
    case 'EHOSTUNREACH':
      return ': no way there, or refused by the kernel of this machine; where the rules of `sekisho export egress` are in force, see `nft list table inet sekisho_egress`, and write them anew';
    default:
      return '';
  }
}
