/** What Debian wants to be told of a package: whose it is, by what right it is given away, and what changed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { licenceTextsOf } from '../bundle/licence-texts.ts';
import { builtInDependencies, type Dependency } from '../dependencies.ts';

/** Whoever builds a package is its maintainer; named as the tools of Debian name him (debchange(1)). */
export const maintainer = (env: NodeJS.ProcessEnv): string =>
  `${env.DEBFULLNAME ?? 'Local build of Sekisho'} <${env.DEBEMAIL ?? 'root@localhost'}>`;

/** @param dependencies that lie in a folder of their own, beside their licence */
export function copyright(root: string, home: string, dependencies: readonly Dependency[]): string {
  const builtIn = builtInDependencies(root);
  return [
    readFileSync(join(root, 'LICENSE'), 'utf8'),
    `Node ${process.version} comes with it, in /${home}/bin. Its licence, and those of what is in it, are in LICENSE.node beside this file.`,
    '',
    `These packages come with it, in /${home}/node_modules, each with the text of its licence. That of the Apache License 2.0 is`,
    'in /usr/share/common-licenses/Apache-2.0 too.',
    '',
    ...dependencies.map((one) => `${one.name} ${one.version}: ${one.license}`),
    '',
    'These are built into the dashboard:',
    ...builtIn.map((one) => `\n${licenceTextsOf(root, one)}`),
    '',
  ].join('\n');
}

/** The changelog that dpkg and its tools read; the one for people is CHANGELOG.md. */
export function changelog(version: string, whose: string, time: Date): Buffer {
  const date = time.toUTCString().replace('GMT', '+0000');
  const text = `sekisho (${version}) stable; urgency=medium\n\n  * What changed is told in CHANGELOG.md.\n\n -- ${whose}  ${date}\n`;
  return gzipSync(text, { level: 9 });
}
