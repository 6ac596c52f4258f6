/** Who has a port, for an error that an operator can act on. Linux; elsewhere, and without the right to look, null. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** `nginx (pid 123)`, or null where it cannot be found out. */
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
        return `${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()} (pid ${pid})`;
      }
    } catch {
      // Gone meanwhile, or somebody else's.
    }
  }
  return null;
}
