/** Checks of the files that a config names. Documents may have any shape. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { journalFault } from '../events/journal-file.ts';
import { geoFileFault } from '../geo/geo-file.ts';
import type { PathPart } from './fault.ts';
import { asList as list, asMap as map } from './plain-data.ts';
import type { Finding } from './schema-faults.ts';

/** @param file turns a file name of the config into an absolute one */
export function fileFindings(document: unknown, file: (name: string) => string): Finding[] {
  const root = map(document);
  const read = (path: readonly PathPart[], name: unknown): ReadFile => readNamed(path, name, file);
  const findings: Finding[] = [];
  // An unreadable blocklist would leave open a door that the operator believes shut.
  for (const [index, name] of list(map(root.bans).lists).entries()) {
    findings.push(...unreadable(['bans', 'lists', index], name, file));
  }
  for (const [index, site] of list(root.sites).entries()) {
    const path = ['sites', index, 'backendTls'];
    const backendTls = map(map(site).backendTls);
    findings.push(...read([...path, 'ca'], backendTls.ca).findings);
    findings.push(...halfFindings(path, backendTls), ...certificateFindings(path, backendTls, read));
  }
  const { path: journal } = map(root.journal);
  const fault = typeof journal === 'string' && journal !== '' ? journalFault(file(journal)) : null;
  if (fault !== null) findings.push({ path: ['journal', 'path'], ...fault });
  const { file: log } = map(root.log);
  if (typeof log === 'string' && log !== '') findings.push(...logFileFindings(file(log)));
  for (const kind of ['country', 'asn'] as const) {
    const name = map(root.geo)[kind];
    const wrong = typeof name === 'string' && name !== '' ? geoFileFault(file(name), kind) : null;
    if (wrong !== null) findings.push({ path: ['geo', kind], ...wrong });
  }
  findings.push(...certificateFindings(['fleet'], map(root.fleet), read));
  findings.push(...read(['fleet', 'ca'], map(root.fleet).ca).findings);
  findings.push(...mailFiles(map(root.smtp), read));
  const { tls: adminTls } = map(root.admin);
  findings.push(...certificateFindings(['admin', 'tls'], map(adminTls), read));
  findings.push(...read(['admin', 'tls', 'acme', 'ca'], map(map(adminTls).acme).ca).findings);
  for (const [index, listener] of list(root.listen).entries()) {
    const { tls } = map(listener);
    for (const item of [tls].flat())
      findings.push(...read(['listen', index, 'tls', 'acme', 'ca'], map(map(item).acme).ca).findings);
    const single = !Array.isArray(tls);
    for (const [at, certificate] of (single ? [tls] : tls).entries()) {
      const path = ['listen', index, 'tls', ...(single ? [] : [at])];
      findings.push(...certificateFindings(path, map(certificate), read));
      const { ca } = map(map(certificate).clients);
      findings.push(...authorityFindings([...path, 'clients', 'ca'], ca, read));
    }
  }
  return findings;
}

function mailFiles(
  { tls, backendTls, domains }: Record<string, unknown>,
  read: (path: readonly PathPart[], name: unknown) => ReadFile,
): Finding[] {
  const findings: Finding[] = [];
  const single = !Array.isArray(tls);
  for (const [at, certificate] of (single ? [tls] : tls).entries())
    findings.push(...certificateFindings(['smtp', 'tls', ...(single ? [] : [at])], map(certificate), read));
  findings.push(...read(['smtp', 'tls', 'acme', 'ca'], map(map(tls).acme).ca).findings);
  findings.push(...read(['smtp', 'backendTls', 'ca'], map(backendTls).ca).findings);
  findings.push(...read(['smtp', 'domains', 'file'], map(domains).file).findings);
  return findings;
}

/** Whether the file can be written is checked at start: `check` may run as another user. */
function logFileFindings(name: string): Finding[] {
  const path = ['log', 'file'];
  const folder = statSync(dirname(name), { throwIfNoEntry: false });
  if (folder?.isDirectory() !== true)
    return [
      {
        path,
        message: `can't be created: the folder ${dirname(name)} does not exist`,
        fix: `create it (mkdir -p ${dirname(name)}) and give the user that runs the program write permission, or name a file elsewhere`,
      },
    ];
  const found = statSync(name, { throwIfNoEntry: false });
  return found === undefined || found.isFile() || found.isCharacterDevice()
    ? []
    : [{ path, message: 'is not a file', fix: 'name a file' }];
}

/** Opened but not read: a list may be long, and reading it would stall requests during a reload. */
function unreadable(path: PathPart[], name: unknown, file: (name: string) => string): Finding[] {
  if (typeof name !== 'string' || name === '') return [];
  try {
    const opened = openSync(file(name), 'r');
    try {
      return fstatSync(opened).isDirectory() ? [notReadable(path)] : [];
    } finally {
      closeSync(opened);
    }
  } catch {
    return [notReadable(path)];
  }
}

const notReadable = (path: readonly PathPart[]): Finding => ({
  path: [...path],
  message: "can't be read",
  fix: 'name a file that exists and can be read',
});

interface ReadFile {
  /** Null if no file is named, or it can't be read. */
  readonly text: string | null;
  readonly findings: Finding[];
}

function readNamed(path: readonly PathPart[], name: unknown, file: (name: string) => string): ReadFile {
  if (typeof name !== 'string' || name === '') return { text: null, findings: [] };
  try {
    return { text: readFileSync(file(name), 'latin1'), findings: [] };
  } catch {
    return { text: null, findings: [notReadable(path)] };
  }
}

/** With a file that holds no certificate, no client would be accepted, or the start would fail. */
function authorityFindings(
  path: PathPart[],
  name: unknown,
  read: (path: readonly PathPart[], name: unknown) => ReadFile,
): Finding[] {
  const { text, findings } = read(path, name);
  if (text === null || attempt(() => new X509Certificate(text)) !== undefined) return findings;
  const fix = 'name a PEM file that begins with BEGIN CERTIFICATE';
  return [{ path, message: 'holds no certificate', fix }];
}

/** For optional certificates: one without its key would silently not be shown. */
function halfFindings(path: readonly PathPart[], { cert, key }: Record<string, unknown>): Finding[] {
  if ((cert === undefined) === (key === undefined)) return [];
  const [there, missing] = cert === undefined ? ['key', 'cert'] : ['cert', 'key'];
  return [
    {
      path: [...path, missing],
      message: `is missing beside ${there}`,
      fix: `name both, or remove ${there}`,
    },
  ];
}

function certificateFindings(
  path: readonly PathPart[],
  { cert, key }: Record<string, unknown>,
  read: (path: readonly PathPart[], name: unknown) => ReadFile,
): Finding[] {
  const certFile = read([...path, 'cert'], cert);
  const keyFile = read([...path, 'key'], key);
  const findings = [...certFile.findings, ...keyFile.findings];
  const certificate = certFile.text === null ? null : attempt(() => new X509Certificate(certFile.text!));
  const privateKey = keyFile.text === null ? null : attempt(() => createPrivateKey(keyFile.text!));
  if (certificate === undefined) {
    findings.push({
      path: [...path, 'cert'],
      message: 'holds no certificate',
      fix: 'name a PEM file that begins with BEGIN CERTIFICATE',
    });
  }
  if (privateKey === undefined) {
    findings.push({
      path: [...path, 'key'],
      message: 'holds no private key without a pass phrase',
      fix: 'name a PEM file of an unencrypted key',
    });
  }
  if (certificate && privateKey && !certificate.checkPrivateKey(privateKey)) {
    findings.push({
      path: [...path, 'key'],
      message: 'is not the key of the certificate beside it',
      fix: 'name the key that the certificate was made with',
    });
  }
  return findings;
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
