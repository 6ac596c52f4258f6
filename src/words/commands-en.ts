/** The English summaries of commands on a terminal, and the type of every language. */
import { amount, counted } from './english.ts';

const techniques = (count: number): string => counted(count, 'technique');

export const commandsInEnglish = {
  audit: {
    results: { relays: 'RELAYS', unclear: 'unclear', 'answers-itself': 'answers itself', refuses: 'refuses' },
    rest: (refused: number, own: number, unclear: number) =>
      `${amount(refused)} refused, ${amount(own)} answered by the server itself${unclear > 0 ? `, ${amount(unclear)} unclear` : ''}`,
    relays: (target: string, count: number, all: number, rules: string, rest: string) =>
      `${target} RELAYS: ${amount(count)} of ${techniques(all)} went through (${rules}); ${rest}.`,
    /** @param why empty: unknown */
    nothing: (target: string, why: string) =>
      `${target}: no result, nothing could be tried${why === '' ? '' : `: ${why}`}.`,
    unclear: (target: string, count: number, all: number, rules: string, rest: string) =>
      `${target}: no clear result. No relaying is proven, but ${amount(count)} of ${techniques(all)} ${count === 1 ? 'is' : 'are'} unclear (${rules}); ${rest}.`,
    partly: (target: string, all: number, why: string) =>
      `${target}: no complete result. None of ${techniques(all)} went through, but ${why}.`,
    safe: (target: string, all: number, rest: string) =>
      `${target} does not relay: none of ${techniques(all)} went through; ${rest}.`,
    fromHere: 'Tested from the machine itself, which many servers trust: test from outside too.',
    deaf: (ports: string) =>
      `The canary cannot listen on ${ports}, so a relay to those ports goes unnoticed. Run the audit as root, or from a machine where they are free.`,
    noPaths:
      'Pages that fetch a URL from the path or a parameter (/proxy?url=…) were not tried: add --paths.',
    at: (target: string, address: string) => `${target} at ${address}`,
    fix: 'To fix',
    spellings: (rule: string, count: number) => `${rule} (${amount(count)} spellings)`,
  },
  explain: {
    /** The sentence as recorded, or one of the language. */
    why: (recorded: string, _rule: string | null, _destination: string): string => recorded,
    intent: (id: string): string => `Intent: ${id}.`,
    title: (_rule: string, title: string): string => title,
    passedOn: (site: string, path: string) => `It is forwarded to ${site} as ${path}, and recorded.`,
  },
  check: {
    fine: (file: string, summary: string) => `${file} is fine: ${summary}`,
    faults: (file: string, count: number) => `${file} has ${counted(count, 'fault')}`,
    listeners: (count: number): string => counted(count, 'listener'),
    sites: (count: number): string => counted(count, 'site'),
    hosts: (count: number): string => counted(count, 'host'),
    policy: (preset: string) => `policy ${preset}`,
    mail: (addresses: readonly string[]) => `mail guard on ${addresses.join(' and ')}`,
    decoys: (count: number): string => counted(count, 'decoy'),
    admin: (address: string) => `admin on ${address}`,
    noAdmin: 'no admin listener',
    separator: ', ',
  },
};

export type CommandWords = typeof commandsInEnglish;
