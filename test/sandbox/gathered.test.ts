import { expect, it } from 'vitest';
import { Gathered } from '../../src/sandbox/gathered.ts';
import type { CallMessage } from '../../src/sandbox/protocol.ts';

const call = (slot: number, bytes = 0): CallMessage => ({
  type: 'call',
  slot,
  wireNumber: 1,
  payload: new Uint8Array(bytes),
});

it.each([
  ['thread', 12],
  ['process', 32],
] as const)('messages for a %s are gathered until there are %i', (tier, most) => {
  const gathered = new Gathered(tier);
  for (let round = 0; round < 2; round += 1) {
    const messages = Array.from({ length: most }, (_, slot) => call(slot));
    expect(messages.map((message) => gathered.add(message))).toEqual(messages.map((_, n) => n === most - 1));
    expect(gathered.take()).toEqual(messages);
    expect(gathered.isEmpty).toBe(true);
  }
});

it('messages are gathered until their documents take half a megabyte', () => {
  const gathered = new Gathered('process');
  for (let round = 0; round < 2; round += 1) {
    expect([gathered.add(call(0, 300_000)), gathered.add(call(1)), gathered.add(call(2, 300_000))]).toEqual([
      false,
      false,
      true,
    ]);
    gathered.take();
  }
});
