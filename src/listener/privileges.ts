/** From root to a user that may do nothing, once ports below 1024 are bound: a fault in this program is not root's. */
import {
  chownSync,
  closeSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
} from 'node:fs';
import { join } from 'node:path';

export interface Account {
  readonly user: false | string;
  readonly group: false | string;
}

interface Ids {
  readonly user: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Who to become; null: nobody else. Asked before anything is bound, so that a name that is none is told at once.
 *
 * @throws Error where there is no such user or group, or where this process may not become another
 */
export function resolveAccount(
  { user, group }: Account,
  read: (file: string) => string = (file) => readFileSync(file, 'utf8'),
): Ids | null {
  if (user === false) {
    if (group !== false) throw new Error(`group: ${group} needs a user beside it: write user: NAME`);
    return null;
  }
  const [, , uid, primary] = entry(read('/etc/passwd'), user) ?? [];
  if (uid === undefined)
    throw new Error(`user: there is no ${user} in /etc/passwd: make one with useradd --system ${user}`);
  const gid = group === false ? primary : entry(read('/etc/group'), group)?.[2];
  if (gid === undefined) throw new Error(`group: there is no ${group} in /etc/group`);
  const ids = { user, uid: Number(uid), gid: Number(gid) };
  const now = process.getuid!();
  if (now === ids.uid && process.getgid!() === ids.gid) return null;
  if (now !== 0)
    throw new Error(`user: only root can become ${user}: start as root, or take user out of the config`);
  return ids;
}

/**
 * Becomes them, in every thread; there is no way back.
 *
 * @throws Error where root could still be had
 */
export function dropPrivileges(ids: Ids | null): void {
  if (ids === null) return;
  // First the supplementary groups (root's are disk, shadow and others), last the user: it may not change groups.
  (process as unknown as { initgroups(user: string, group: number): void }).initgroups(ids.user, ids.gid);
  process.setgid!(ids.gid);
  process.setuid!(ids.uid);
  if (ids.uid !== 0 && regainsRoot()) throw new Error(`user: ${ids.user} can become root again`);
}

/** A file that is written to afterwards; SQLite gives those beside it the same owner. */
export function handOver(file: string, ids: Ids | null): void {
  if (ids === null) return;
  try {
    closeSync(openSync(file, 'a', 0o600));
    chownSync(file, ids.uid, ids.gid);
  } catch {
    // Whoever opens the file tells what is wrong with it.
  }
}

/**
 * Folders that are written to afterwards, and the files in them. Whoever the program ran as before may have put anything there: a link
 * to a folder or a file of root's is not followed, a second name of a file is left alone.
 *
 * @param folder theirs; handed over where nothing else is in it
 * @param own their names
 */
export function handOverFolders(folder: string, own: readonly string[], ids: Ids | null): void {
  if (ids === null) return;
  const give = (path: string): void => lchownSync(path, ids.uid, ids.gid);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (readdirSync(folder).every((name) => own.includes(name))) give(folder);
    for (const name of own) {
      const path = join(folder, name);
      mkdirSync(path, { recursive: true, mode: 0o700 });
      if (!lstatSync(path).isDirectory()) continue;
      for (const file of readdirSync(path).map((one) => join(path, one))) {
        const { nlink } = lstatSync(file);
        if (nlink === 1) give(file);
      }
      give(path);
    }
  } catch {
    // Whoever writes there tells what is wrong with it.
  }
}

function regainsRoot(): boolean {
  try {
    process.setuid!(0);
    return true;
  } catch {
    return false;
  }
}

const entry = (table: string, name: string): string[] | undefined =>
  table
    .split('\n')
    .map((line) => line.split(':'))
    .find(([first]) => first === name);
