/** A config without sites, which has a mail guard or decoys alone. There is nothing for an HTTP listener to serve. */
import { isMap } from './plain-data.ts';
import type { Finding } from './schema-faults.ts';

/**
 * Removes the default listener of a document without sites, and reports a listener that was written.
 *
 * @param document with its defaults; changed in place
 * @param written the document as written, without defaults
 */
export function withoutSites(document: unknown, written: unknown): Finding[] {
  if (!isMap(document) || !isMap(written)) return [];
  const { sites, smtp, decoys } = document;
  if (sites !== undefined && !(Array.isArray(sites) && sites.length === 0)) return [];
  const serves = isMap(smtp) || (Array.isArray(decoys) && decoys.length > 0);
  if (!serves)
    return [
      {
        path: ['sites'],
        message: written.sites === undefined ? 'is missing' : 'is an empty list',
        fix: 'list one site or more, with hosts and backend; or write smtp or decoys, which can stand alone',
        ofKey: written.sites === undefined,
      },
    ];
  if (written.listen !== undefined)
    return [
      {
        path: ['listen'],
        message: 'has no site to serve',
        fix: 'write sites, or remove listen: smtp and decoys have their own',
      },
    ];
  // The default 127.0.0.1:8080 is often the very port of a decoy.
  document.listen = [];
  return [];
}
