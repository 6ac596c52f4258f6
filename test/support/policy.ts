/** Policies compiled from a config, without a gateway. */
import { type Compiled, compile } from '../../src/config/compile.ts';
import { parseConfig } from '../../src/config/load.ts';
import { corpusConfig } from './gateway.ts';

export const compiled = (yaml: string): Compiled =>
  compile(parseConfig(`listen: ["127.0.0.1:8080"]\n${yaml}\n`, '.'));

/** @param yaml what follows the sites of the corpus: `policy: { preset: observe }` */
export const corpusPolicy = (yaml = ''): Compiled => compiled(`${corpusConfig('http://127.0.0.1:1')}${yaml}`);
