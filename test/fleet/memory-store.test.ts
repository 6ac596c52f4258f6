import { MemoryStore, SharedMemory } from '../../src/fleet/memory-store.ts';
import { remember, storeContract } from './store-contract.ts';

const fleets = new Map<string, SharedMemory>();

storeContract('memory', {
  join: async (owner, fleet) => {
    const memory = fleets.get(fleet) ?? new SharedMemory();
    fleets.set(fleet, memory);
    const store = new MemoryStore({ memory, remember, clock: Date.now });
    owner.after(() => store.close());
    return store;
  },
});
