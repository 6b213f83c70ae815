import { expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../../src/model/limits.ts';
import { leaveGuestState, newGuestState } from '../../../src/sandbox/abi/guest-state.ts';

it('a state that an invocation leaves is as a new one, in every field', () => {
  const memory = new WebAssembly.Memory({ initial: 0 });
  const used = newGuestState(memory, DEFAULT_LIMITS);
  for (const field of Object.keys(used)) {
    if (field !== 'memory' && field !== 'limits') Object.assign(used, { [field]: 'of the one before' });
  }
  leaveGuestState(used);
  expect(used).toEqual(newGuestState(memory, DEFAULT_LIMITS));
});
