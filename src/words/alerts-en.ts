/** The English texts of alerts, and the type of every language. Callers insert text from attackers, already made safe. */
import { amount, counted } from './english.ts';

const probes = (count: number): string => counted(count, 'probe');

export const alertsInEnglish = {
  /** Rules and intents are listed by id, which can be searched for. */
  rule: (id: string): string => id,
  intent: (id: string): string => id,
  titles: {
    passed: 'a probe was forwarded to a backend',
    rate: (count: number) => `under attack, ${probes(count)} so far`,
    banned: (client: string) => `banned ${client}`,
    bannedMany: (count: number) => `banned ${counted(count, 'client')}`,
    first: (rule: string) => `first ${rule} probe`,
    firstMany: (count: number) => `${counted(count, 'kind')} of probes for the first time`,
    quiet: (count: number) => `quiet again after ${probes(count)}`,
    daily: (count: number) => `today's summary, ${probes(count)}`,
    account: (name: string) => `mail account ${name} sends far more than usual: was its password stolen?`,
    accountBack: (name: string) => `mail account ${name} is back to its usual volume`,
    certificate: (name: string) => `there is a problem with the certificate of ${name}`,
    certificateBack: (name: string) => `the certificate of ${name} is fine again`,
    file: (name: string) => `the certificate in ${name} can't be used`,
    fileBack: (name: string) => `the certificate in ${name} can be used again`,
    ocsp: (name: string) => `no OCSP response can be had for the certificate of ${name}`,
    ocspBack: (name: string) => `the OCSP response for the certificate of ${name} is fine again`,
    backend: (name: string) => `backend ${name} is down`,
    backendBack: (name: string) => `backend ${name} is up again`,
    journal: 'the journal cannot be written',
    journalBack: 'the journal can be written again',
    test: 'a test alert',
  },
  lines: {
    nothing: 'There were no probes.',
    /** @param spell the duration */
    total: (count: number, spell: string, fate: string) => `${probes(count)} in ${spell}, ${fate}`,
    allBlocked: 'all blocked',
    fates: (blocked: number, flagged: number) =>
      `${amount(blocked)} blocked, ${amount(flagged)} flagged and forwarded`,
    rules: (list: string) => `Rules: ${list}`,
    from: (count: number, list: string) => `From ${counted(count, 'source')}: ${list}`,
    intents: (list: string) => `Intents: ${list}`,
    destinations: (list: string) => `Destinations: ${list}`,
    passed: (list: string) => `Forwarded, although preset default blocks it: ${list}`,
    passedOn: (rule: string, site: string) => `${rule} on ${site}`,
    noSite: 'none of our sites',
    first: (list: string) => `Seen for the first time: ${list}`,
    itIs: (rule: string, title: string): string => `${rule}: ${title}`,
    banned: (list: string) => `Banned: ${list}`,
    banFor: (client: string, spell: string) => `${client} for ${spell}`,
    banForEver: (client: string) => `${client} for ever`,
    journal: 'Traffic is not affected; events are counted in memory until it can be written.',
    test: 'This is a test: alerts from sekisho reach you. What to do: nothing',
  },
  /** The last line; messages of level `relief` have none. */
  advice: {
    first: 'What to do: nothing; if the client is legitimate, open the event to see which rule to relax',
    rate: 'What to do: nothing at once; if it goes on, check that bans are on, and ban the source for longer',
    ban: 'What to do: nothing; if the client is yours, run sekisho bans remove PREFIX and add it to bans.allow',
    passed:
      'What to do: check what the backend answered; if you do not need such requests, set the rule to block',
    backend: 'What to do: check that the backend runs, and read its log',
    journal: 'What to do: check that the disk is not full and that the file is writable',
    certificate:
      'What to do: check that the name resolves to this machine, and that its port 80 or 443 can be reached from the internet; the order is retried automatically',
    'certificate-file':
      'What to do: check that the certificate and its key belong together and can be read; until then the previous certificate stays in use',
    ocsp: 'What to do: check that this machine can reach the OCSP responder of the certificate, which is asked again automatically; replace a revoked certificate. Without a response, clients refuse the certificate',
    account: 'What to do: change the password of the account, and review what it sent',
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
  /** The signature of a mail. */
  signed: (time: string, from: string) => `${time}, sekisho on ${from}`,
};

export type AlertWords = typeof alertsInEnglish;
