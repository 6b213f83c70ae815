import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import type { GrantInput } from '../../src/model/grant.ts';
import { createGuest, type GuestView, resolverOf, secretRef } from './support/guest.ts';
import { startServer } from './support/web.ts';

/** What an operator does: pastes the block of a refusal into broker.toml. */
function paste(answer: GuestView): GrantInput[] {
  const block = answer.error.message.slice(answer.error.message.indexOf('\n[[grants.'));
  const policy = parse(block) as { grants: Record<string, GrantInput[]> };
  expect(Object.keys(policy.grants)).toEqual(['probe']);
  return policy.grants['probe'] ?? [];
}

describe('a refusal', () => {
  it('contains the lines that, pasted into the policy, make the same call succeed', async () => {
    await using server = await startServer();
    const url = `http://127.0.0.1:${server.port}/data/movies.json?page=2`;
    const refused = await createGuest()({ url });
    expect(refused.error.code).toBe('ERR_GRANT_MISSING');
    expect(refused.error.message).toContain('No http grant of probe covers GET http://127.0.0.1:');
    expect(refused.error.message.slice(refused.error.message.indexOf('[['))).toBe(
      `[[grants.probe]]\ncapability = "http"\nschemes = ["http"]\nhosts = ["127.0.0.1"]\nports = [${server.port}]\n` +
        `methods = ["GET"]\npath_prefix = "/data/movies.json"\nprivate_networks = ["127.0.0.1/32"]`,
    );
    const granted = await createGuest({ grants: paste(refused) })({ url });
    expect(granted).toMatchObject({ status: 0, body: 'hello' });
  });

  it('of a name’s address names the network, and again the lines are enough', async () => {
    await using server = await startServer();
    const http = { resolve: resolverOf({ 'api.test': ['127.0.0.1'] }) };
    const url = `http://api.test:${server.port}/x`;
    const first = await createGuest({ http })({ url });
    const second = await createGuest({ http, grants: paste(first) })({ url });
    expect(second).toMatchObject({ status: 1, error: { code: 'ERR_HTTP_ADDRESS' } });
    expect(second.error.message).toContain('private_networks = ["127.0.0.1/32"]');
    expect(server.requests).toHaveLength(0);
    expect((await createGuest({ http, grants: paste(second) })({ url })).status).toBe(0);
  });

  it('of a secret names the secret and the host, and again the lines are enough', async () => {
    await using server = await startServer();
    const secrets = { TOKEN: 'value-of-token' };
    const head = {
      url: `http://127.0.0.1:${server.port}/${secretRef('TOKEN')}/x`,
      headers: { authorization: `Bearer ${secretRef('TOKEN')}` },
    };
    const first = await createGuest({ secrets })(head);
    expect(first.error.message).toContain('path_prefix = "/"');
    const place = paste(first);
    const second = await createGuest({ secrets, grants: place })(head);
    expect(second).toMatchObject({ status: 1, error: { code: 'ERR_SECRET_DENIED', retryable: false } });
    const third = await createGuest({ secrets, grants: [...place, ...paste(second)] })(head);
    expect(third.status).toBe(0);
    expect(server.requests[0]).toMatchObject({
      path: '/value-of-token/x',
      headers: { authorization: 'Bearer value-of-token' },
    });
  });

  it('stays one grant of one handler whatever the URL contains', async () => {
    const url = 'http://127.0.0.1/x"]%0a[[grants.other]]\'\\x?"]\u2028';
    const refused = await createGuest()({ url });
    expect(paste(refused)).toHaveLength(1);
  });
});
