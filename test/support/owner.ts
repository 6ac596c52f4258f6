/**
 * Whoever a started thing belongs to, and is stopped with: a test's context `t`, or `{ after }` of node:test at the
 * top of a file for something that all its tests share.
 */
export interface Owner {
  after(stop: () => unknown): void;
}
