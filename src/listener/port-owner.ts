/** Finds the program that has a port, for an error that an operator can act on. Linux only; needs permission to look. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** `nginx (pid 123)`; null: it can't be found out. */
export function portOwner(port: number): string | null {
  try {
    const inodes = new Set(['tcp', 'tcp6'].flatMap((file) => listeningInodes(file, port)));
    return inodes.size === 0 ? null : ownerOf(inodes);
  } catch {
    return null;
  }
}

/** The table of proc(5): sl local_address rem_address st … inode; st 0A is LISTEN. */
function listeningInodes(file: string, port: number): string[] {
  const inodes: string[] = [];
  for (const line of readFileSync(`/proc/net/${file}`, 'utf8').split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    const localPort = Number.parseInt(fields[1]?.split(':')[1] ?? '', 16);
    if (localPort === port && fields[3] === '0A') inodes.push(fields[9]!);
  }
  return inodes;
}

function ownerOf(inodes: ReadonlySet<string>): string | null {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        const socket = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
        if (socket === undefined || !inodes.has(socket)) continue;
        const owner = primaryOf(pid);
        return `${nameOf(owner)} (pid ${owner})`;
      }
    } catch {
      // The process has ended, or belongs to another user.
    }
  }
  return null;
}

/** For a Node cluster worker, its primary: that is the process to stop, because it restarts its workers. */
function primaryOf(pid: string): string {
  if (
    !readFileSync(`/proc/${pid}/environ`, 'latin1')
      .split('\0')
      .some((one) => one.startsWith('NODE_UNIQUE_ID='))
  )
    return pid;
  return /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? pid;
}

/** For Node programs, which all have the same process name, adds the script's name. */
function nameOf(pid: string): string {
  const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  if (!/^node\b|^MainThread$/.test(name)) return name;
  const script = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    .split('\0')
    .slice(1)
    .find((word) => word !== '' && !word.startsWith('-'));
  return script === undefined ? 'node' : `node ${basename(script)}`;
}
