/** The documents of a Debian package: maintainer, copyright and changelog. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { licenceTextsOf } from '../bundle/licence-texts.ts';
import { builtInDependencies, type Dependency } from '../dependencies.ts';

/** The maintainer is whoever builds the package, named by the variables of debchange(1). */
export const maintainer = (env: NodeJS.ProcessEnv): string =>
  `${env.DEBFULLNAME ?? 'Local build of Sekisho'} <${env.DEBEMAIL ?? 'root@localhost'}>`;

/** @param dependencies packages with their own folder, which contains their licence */
export function copyright(root: string, home: string, dependencies: readonly Dependency[]): string {
  const builtIn = builtInDependencies(root);
  return [
    readFileSync(join(root, 'LICENSE'), 'utf8'),
    `Node ${process.version} comes with it, in /${home}/bin. Its licence and those of the software in it are in LICENSE.node beside this file.`,
    '',
    `These packages come with it, in /${home}/node_modules, each with its licence text. The Apache License 2.0 is also in`,
    '/usr/share/common-licenses/Apache-2.0.',
    '',
    ...dependencies.map((one) => `${one.name} ${one.version}: ${one.license}`),
    '',
    'These are built into the dashboard:',
    ...builtIn.map((one) => `\n${licenceTextsOf(root, one)}`),
    '',
  ].join('\n');
}

/** The changelog for dpkg and its tools; the one for people is CHANGELOG.md. */
export function changelog(version: string, whose: string, time: Date): Buffer {
  const date = time.toUTCString().replace('GMT', '+0000');
  const text = `sekisho (${version}) stable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- ${whose}  ${date}\n`;
  return gzipSync(text, { level: 9 });
}
