/** English, as commands sum up on a terminal. Its type is that of every language. */
import { sayIn } from './say.ts';

const { amount, plural } = sayIn('en');
const techniques = (count: number): string => plural(count, { one: '# technique', other: '# techniques' });

export const commandsInEnglish = {
  audit: {
    results: { relays: 'RELAYS', unclear: 'unclear', 'answers-itself': 'answers itself', refuses: 'refuses' },
    rest: (refused: number, own: number, unclear: number) =>
      `${amount(refused)} refused, ${amount(own)} answered from its own${unclear > 0 ? `, ${amount(unclear)} unclear` : ''}`,
    relays: (target: string, count: number, all: number, rules: string, rest: string) =>
      `${target} RELAYS: ${amount(count)} of ${techniques(all)} went through (${rules}); ${rest}.`,
    /** @param why empty: not told */
    nothing: (target: string, why: string) =>
      `${target}: could not be told, nothing could be tried${why === '' ? '' : `: ${why}`}.`,
    unclear: (target: string, count: number, all: number, rules: string, rest: string) =>
      `${target}: could not be told. Nothing is proven, and ${amount(count)} of ${techniques(all)} ${count === 1 ? 'is' : 'are'} unclear (${rules}); ${rest}.`,
    partly: (target: string, all: number, why: string) =>
      `${target}: could not be told of all of it. None of ${techniques(all)} went through, but ${why}.`,
    safe: (target: string, all: number, rest: string) =>
      `${target} does not relay: none of ${techniques(all)} went through; ${rest}.`,
    fromHere: 'Asked from this machine itself, which many servers trust: ask from outside too.',
    deaf: (ports: string) =>
      `The canary cannot listen on ${ports}: a server that chooses such a port by itself goes unheard. Audit as root, or from a machine where they are free.`,
    noPaths: 'Pages that fetch by a path or a parameter (/proxy?url=…) were not tried: add --paths.',
    at: (target: string, address: string) => `${target} at ${address}`,
    fix: 'To fix',
    spellings: (rule: string, count: number) => `${rule} (${amount(count)} spellings)`,
  },
  explain: {
    /** The sentence as it is recorded, or one of the language's own. */
    why: (recorded: string, _rule: string | null, _destination: string): string => recorded,
    intent: (id: string): string => `Intent: ${id}.`,
    title: (_rule: string, title: string): string => title,
    passedOn: (site: string, path: string) => `It is passed on to ${site} as ${path}, and recorded.`,
  },
  check: {
    fine: (file: string, summary: string) => `${file} is fine: ${summary}`,
    faults: (file: string, count: number) =>
      `${file} has ${plural(count, { one: '# fault', other: '# faults' })}`,
    listeners: (count: number): string => plural(count, { one: '# listener', other: '# listeners' }),
    sites: (count: number): string => plural(count, { one: '# site', other: '# sites' }),
    hosts: (count: number): string => plural(count, { one: '# host', other: '# hosts' }),
    policy: (preset: string) => `policy ${preset}`,
    mail: (addresses: readonly string[]) => `mail guard on ${addresses.join(' and ')}`,
    decoys: (count: number): string => plural(count, { one: '# decoy', other: '# decoys' }),
    admin: (address: string) => `admin on ${address}`,
    noAdmin: 'no admin listener',
    separator: ', ',
  },
};

export type CommandWords = typeof commandsInEnglish;
