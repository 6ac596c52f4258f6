/** Processor time, as the kernel counts it. */
import { readFileSync } from 'node:fs';

/** Nanoseconds of processor time of this process: unlike elapsed time, other work on the machine is not in it. */
export function cpuNanoseconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) * 1000;
}

/** Seconds of processor time of another process: user and system time, fields 14 and 15 of proc(5), in ticks of 1/100 s on Linux. */
export function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** The same of several processes and of all their children that have ended (fields 16 and 17). A process that is gone counts with its parent. */
export function processorSecondsOfAll(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
      for (let i = 11; i < 15; i++) ticks += Number(fields[i]);
    } catch {}
  }
  return ticks / 100;
}
