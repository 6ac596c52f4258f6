/** Drops root for an unprivileged user once ports below 1024 are bound, so that a fault in this program does not give root. */
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
 * The user and group to become; null: no change. Called before anything is bound, so that an unknown name is reported at once.
 *
 * @throws Error if there is no such user or group, or this process may not change its user
 */
export function resolveAccount(
  { user, group }: Account,
  read: (file: string) => string = (file) => readFileSync(file, 'utf8'),
): Ids | null {
  if (user === false) {
    if (group !== false) throw new Error(`group: ${group} needs a user as well: write user: NAME`);
    return null;
  }
  const [, , uid, primary] = entry(read('/etc/passwd'), user) ?? [];
  if (uid === undefined)
    throw new Error(`user: there is no ${user} in /etc/passwd: create it with useradd --system ${user}`);
  const gid = group === false ? primary : entry(read('/etc/group'), group)?.[2];
  if (gid === undefined) throw new Error(`group: there is no ${group} in /etc/group`);
  const ids = { user, uid: Number(uid), gid: Number(gid) };
  const now = process.getuid!();
  if (now === ids.uid && process.getgid!() === ids.gid) return null;
  if (now !== 0)
    throw new Error(`user: only root can become ${user}: start as root, or remove user from the config`);
  return ids;
}

/**
 * Changes user and group, irreversibly and in every thread.
 *
 * @throws Error if root could be regained
 */
export function dropPrivileges(ids: Ids | null): void {
  if (ids === null) return;
  // Supplementary groups first (root's include disk and shadow), the user last: an unprivileged user can't change groups.
  (process as unknown as { initgroups(user: string, group: number): void }).initgroups(ids.user, ids.gid);
  process.setgid!(ids.gid);
  process.setuid!(ids.uid);
  if (ids.uid !== 0 && regainsRoot()) throw new Error(`user: ${ids.user} can become root again`);
}

/** Gives the user a file that is written later. SQLite gives the files beside it the same owner. */
export function handOver(file: string, ids: Ids | null): void {
  if (ids === null) return;
  try {
    closeSync(openSync(file, 'a', 0o600));
    chownSync(file, ids.uid, ids.gid);
  } catch {
    // The code that opens the file reports what is wrong with it.
  }
}

/**
 * Gives the user folders that are written later, and the files in them. The previous user may have put anything there: links,
 * which could lead to root's files, are not followed, and files with several hard links are left alone.
 *
 * @param folder the parent; changes owner only if it holds nothing else
 * @param own names of the folders
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
    // The code that writes there reports what is wrong with it.
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
