import { describe, expect, it } from 'vitest';
import { createBoundary } from '../../../src/host/boundary.ts';
import type { Authority } from '../../../src/host/host-call.ts';
import { createUsedSecrets } from '../../../src/host/secrets/used-secrets.ts';
import { DEFAULT_LIMITS } from '../../../src/model/limits.ts';
import { answerOf } from '../../../src/sandbox/lanes/call-tape.ts';
import type { Job } from '../../../src/sandbox/lanes/job.ts';
import type { CallMessage } from '../../../src/sandbox/protocol.ts';

const boundary = createBoundary({ http: {} as never, secrets: { get: async () => null } });

const authority: Authority = Object.freeze({
  handler: 'h',
  grants: [],
  limits: DEFAULT_LIMITS,
  usedSecrets: createUsedSecrets(),
  namespace: '',
  digest: 'sha256:0',
});

const job = (): Job =>
  ({
    authority,
    boundary,
    timeAfterCall: () => null,
    recorder: null,
    calls: [],
    tape: [],
    losses: 0,
    roomBytes: null,
    abort: null,
  }) as unknown as Job;
const call = (payload: string, wireNumber = 1): CallMessage => ({
  type: 'call',
  slot: 0,
  wireNumber,
  payload: new TextEncoder().encode(payload),
});

describe('the host calls of an invocation that is run again', () => {
  it('are answered from the first run, in order, and counted once', async () => {
    const one = job();
    const first = answerOf(one, 0, call('a'));
    answerOf(one, 1, call('b'));
    expect(answerOf(one, 0, call('a'))).toBe(first);
    expect(await first).toMatchObject({ answer: { record: { code: 'ERR_HOST_CALL_INVALID' } } });
    expect(one.calls).toHaveLength(2);
    expect(one.tape).toHaveLength(2);
  });

  it.each([
    ['asks for something else', call('c')],
    ['makes another call', call('a', 2)],
  ])('are not answered when it %s', (_, other) => {
    const one = job();
    answerOf(one, 0, call('a'));
    expect(answerOf(one, 0, other)).toBeNull();
    expect(one.tape).toHaveLength(1);
  });

  it('count against the limit while they are under way', async () => {
    const one = {
      ...job(),
      authority: { ...authority, limits: { ...DEFAULT_LIMITS, host_calls: 1 } },
    };
    answerOf(one, 0, call('a'));
    expect(await answerOf(one, 1, call('a'))).toMatchObject({
      answer: { record: { code: 'ERR_LIMIT_HOST_CALLS', allowed: false } },
    });
  });
});
