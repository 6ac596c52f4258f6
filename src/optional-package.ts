/** Loads packages that only some features need. An app that uses none of those may omit them (`npm install --omit=optional`). */
import { codedError } from './errors.ts';

/**
 * @param feature needs the package; named in the message
 * @throws Error with code SEKISHO_ERR_PACKAGE if a package is not installed
 */
export async function withPackages<T>(feature: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const missing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
    const name = /Cannot find (?:package|module) '([^'./][^']*)'/.exec(message)?.[1];
    if (!missing || name === undefined) throw error;
    throw codedError(
      'SEKISHO_ERR_PACKAGE',
      `${feature} needs the package ${name}, which is not installed: npm install ${name}`,
      { cause: error },
    );
  }
}
