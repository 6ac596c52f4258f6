/**
 * The owner of a resource, which is released with it: a test's context `t`, or `{ after }` of node:test at the top of a file for what
 * all its tests share.
 */
export interface Owner {
  after(stop: () => unknown): void;
}
