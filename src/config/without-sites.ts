/** A config without sites: a mail guard or decoys alone. Then there is nothing for a listener of HTTP to serve. */
import type { Finding } from './schema-faults.ts';

type Root = Record<string, unknown>;

/**
 * Takes away the default listener of a document without sites, and finds fault with a listener that was written.
 *
 * @param document with its defaults; changed in place
 * @param written as it was before they were filled in
 */
export function withoutSites(document: unknown, written: unknown): Finding[] {
  const [root, given] = [document, written] as [Root | null, Root | null];
  if (!isMap(root) || !isMap(given)) return [];
  const { sites } = root;
  if (sites !== undefined && !(Array.isArray(sites) && sites.length === 0)) return [];
  const { smtp, decoys } = root;
  const serves = isMap(smtp) || (Array.isArray(decoys) && decoys.length > 0);
  if (!serves)
    return [
      {
        path: ['sites'],
        message: given.sites === undefined ? 'is missing' : 'is an empty list',
        fix: 'list one site or more, with hosts and backend; or write smtp or decoys, which can stand alone',
        ofKey: given.sites === undefined,
      },
    ];
  if (given.listen !== undefined)
    return [
      {
        path: ['listen'],
        message: 'has no site to serve',
        fix: 'write sites, or leave listen out: smtp and decoys have their own',
      },
    ];
  // The default would take 127.0.0.1:8080, which is often the very port of a decoy.
  root.listen = [];
  return [];
}

const isMap = (value: unknown): value is Root =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
