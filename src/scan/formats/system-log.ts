/** Lines of other programs in a system or mail log, recognized so that they do not count as broken. */
import type { LineFormat } from '../line-format.ts';
import { isSyslog } from '../wrapping.ts';

export const systemLog: LineFormat = {
  id: 'system-log',
  title: 'system log',
  example: 'Nov 10 10:00:00 mx dovecot: imap-login: Login: user=<me>, method=PLAIN, rip=192.0.2.7',
  silent: 'has only lines of programs that log no requests: give the access log or the mail log',
  fallback: true,
  open: () => ({ parse: (text) => (isSyslog(text) ? 'skip' : null) }),
};
