/** English, as alerts speak it. Its type is that of every language. Without what an attacker wrote: that is put in by whoever calls. */
import { sayIn } from './say.ts';

const { amount, plural } = sayIn('en');
const probes = (count: number): string => plural(count, { one: '# probe', other: '# probes' });

export const alertsInEnglish = {
  /** As rules and intents are named in lists: by their ids, which can be searched for. */
  rule: (id: string): string => id,
  intent: (id: string): string => id,
  titles: {
    passed: 'a probe was passed on to a backend',
    rate: (count: number) => `under attack, ${probes(count)} so far`,
    banned: (client: string) => `banned ${client}`,
    bannedMany: (count: number) => `banned ${plural(count, { one: '# client', other: '# clients' })}`,
    first: (rule: string) => `first ${rule} probe`,
    firstMany: (count: number) =>
      `${plural(count, { one: '# kind', other: '# kinds' })} of probes for the first time`,
    quiet: (count: number) => `quiet again after ${probes(count)}`,
    daily: (count: number) => `today's summary, ${probes(count)}`,
    account: (name: string) => `mail account ${name} sends much more than usual: was its password stolen?`,
    accountBack: (name: string) => `mail account ${name} sends as usual again`,
    certificate: (name: string) => `the certificate of ${name} is in trouble`,
    certificateBack: (name: string) => `the certificate of ${name} is in order again`,
    backend: (name: string) => `backend ${name} is down`,
    backendBack: (name: string) => `backend ${name} is up again`,
    journal: 'the journal can not be written',
    journalBack: 'the journal is written again',
    test: 'a test of alerts',
  },
  lines: {
    nothing: 'Nothing was turned away.',
    /** @param spell how long it took */
    total: (count: number, spell: string, fate: string) => `${probes(count)} in ${spell}, ${fate}`,
    allAway: 'all turned away',
    fates: (away: number, passed: number) =>
      `${amount(away)} turned away, ${amount(passed)} passed on and flagged`,
    rules: (list: string) => `Rules: ${list}`,
    from: (count: number, list: string) =>
      `From ${plural(count, { one: '# source', other: '# sources' })}: ${list}`,
    after: (list: string) => `After: ${list}`,
    towards: (list: string) => `Towards: ${list}`,
    passed: (list: string) => `Passed on, though preset default blocks it: ${list}`,
    passedOn: (rule: string, site: string) => `${rule} on ${site}`,
    noSite: 'no site of ours',
    first: (list: string) => `For the first time: ${list}`,
    itIs: (_rule: string, title: string): string => `It is ${title}`,
    banned: (list: string) => `Banned: ${list}`,
    banFor: (client: string, spell: string) => `${client} for ${spell}`,
    banForEver: (client: string) => `${client} for ever`,
    journal: 'Traffic goes on; events are counted in memory meanwhile.',
    test: 'This is a test: alerts of sekisho reach you. What to do: nothing',
  },
  /** What to do about it; relief asks for nothing. */
  advice: {
    first: 'What to do: nothing, it was kept out; look at the event if the client should be let in',
    rate: 'What to do: nothing is passed on; ban the source for longer if it stays, and see that bans are on',
    ban: 'What to do: nothing; if it is one of yours: sekisho bans remove PREFIX, and add it to bans.allow',
    passed:
      'What to do: see what the backend answered, and set the rule to block if that is no need of yours',
    backend: 'What to do: see whether the backend runs, and what its own log says',
    journal: 'What to do: see that the disk is not full, and that the file may be written',
    certificate:
      'What to do: see that the name leads to this machine, and that port 80 or 443 of it is reached from the internet; it is ordered again by itself',
    account: 'What to do: change the password of the account, and look through what it sent',
  },
  count: (name: string, count: number) => `${name} (${amount(count)})`,
  separator: ', ',
  more: (count: number) => `${amount(count)} more`,
  /** `45 s`, `12 min`, `3 h`. @param ms milliseconds */
  spell: (ms: number): string => {
    const seconds = Math.max(1, Math.round(ms / 1000));
    if (seconds < 120) return `${seconds} s`;
    if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
    return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
  },
  /** The last line of a mail. */
  signed: (time: string, from: string) => `${time}, sekisho on ${from}`,
};

export type AlertWords = typeof alertsInEnglish;
