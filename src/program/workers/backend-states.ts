import type { Backend } from '../../forward/backend-group.ts';
import type { BackendState } from './messages.ts';

/** The current state of the backends, as plain data. */
export const backendStates = (backends: readonly Backend[]): BackendState[] =>
  backends.map(({ pool, weight, load, health }) => ({
    name: pool.name,
    state: health.state(performance.now()),
    load,
    weight,
  }));
