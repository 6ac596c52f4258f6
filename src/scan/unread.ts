/** Reports which parts of a log were not read, and why: an unread log is not a clean one. */
import { formats } from './detect.ts';
import type { LogTotals } from './log-scan.ts';
import type { LogFault } from './sources.ts';
import { number } from './verdict.ts';

/** @param named the file was named on the command line; a directory also contains files that are no logs */
export function unreadOf(file: string, totals: LogTotals, named: boolean): LogFault[] {
  const { lines, requests, broken, suspect, cut, formatId, wrapped } = totals;
  const faults: LogFault[] = [];
  const silent = formats.find(({ id }) => id === formatId)?.silent;
  if (lines === 0) faults.push({ file, message: 'is empty', harmless: true });
  else if (requests === 0 && broken === 0 && silent !== undefined)
    faults.push({ file, message: silent, harmless: true });
  else if (requests === 0 && broken > 0) {
    faults.push({
      file,
      message: 'has no line in a known log format: give its format with --format',
      harmless: !named && suspect === 0,
    });
  } else if (broken > requests) {
    faults.push({
      file,
      message: `has ${number(broken)} lines in no known log format, more than were read: give their format with --format`,
      // Containers print requests and all other output to one stream.
      harmless: (!named || wrapped) && suspect === 0,
    });
  } else if (suspect > 0) {
    const are = suspect === 1 ? 'line looks' : 'lines look';
    faults.push({ file, message: `${number(suspect)} ${are} like relay probes in no known log format` });
  }
  if (cut > 0) {
    faults.push({
      file,
      message: `has ${cut === 1 ? 'a line' : `${number(cut)} lines`} longer than 4 MiB, truncated there: split a JSON array into one object per line (jq -c '.[]' FILE | sekisho scan -)`,
      harmless: !wrapped,
    });
  }
  return faults;
}
