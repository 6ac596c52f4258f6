/** Recognises dials refused by this machine's own firewall, such as the rules of `sekisho export egress`. */

/** @returns the rest of a sentence for operators; empty: the peer or the network is to blame */
export function refusedHere(error: Error): string {
  // Some libraries replace the code but keep the message.
  switch (
    /\b(?:EPERM|EACCES|EHOSTUNREACH)\b/.exec(`${(error as NodeJS.ErrnoException).code} ${error.message}`)?.[0]
  ) {
    case 'EPERM':
    case 'EACCES':
      return ': refused by the kernel of this machine; if the rules of `sekisho export egress` are in force, export them again';
    // The result of `reject with icmpx type admin-prohibited`, but also of a host that is down.
    case 'EHOSTUNREACH':
      return ': unreachable, or refused by the kernel of this machine; if the rules of `sekisho export egress` are in force, see `nft list table inet sekisho_egress`, and export them again';
    default:
      return '';
  }
}
