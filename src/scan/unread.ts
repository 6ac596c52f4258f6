/** What of a log was not read, and why: nothing read is not clean. */
import { formats } from './detect.ts';
import type { LogTotals } from './log-scan.ts';
import type { LogFault } from './sources.ts';
import { number } from './verdict.ts';

/** @param named the log was named on the command line; in a directory there are other things than logs */
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
      message: 'holds no line of a known log format: --format tells the one it has',
      harmless: !named && suspect === 0,
    });
  } else if (broken > requests) {
    faults.push({
      file,
      message: `holds ${number(broken)} lines of no known log format, more than were read: --format tells the one they have`,
      // Containers print requests and everything else to one place.
      harmless: (!named || wrapped) && suspect === 0,
    });
  } else if (suspect > 0) {
    const are = suspect === 1 ? 'line looks' : 'lines look';
    faults.push({ file, message: `${number(suspect)} ${are} like relay probes in no known log format` });
  }
  if (cut > 0) {
    faults.push({
      file,
      message: `holds ${cut === 1 ? 'a line' : `${number(cut)} lines`} longer than 4 MiB, read up to there: of a JSON array give an object a line (jq -c '.[]' FILE | sekisho scan -)`,
      harmless: !wrapped,
    });
  }
  return faults;
}
