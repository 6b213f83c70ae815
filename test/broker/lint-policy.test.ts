import { describe, expect, it } from 'vitest';
import { lintPolicy } from '../../src/broker/lint-policy.ts';
import { type GrantInput, Grants } from '../../src/model/grant.ts';

const lint = (handler: string, ...grants: readonly GrantInput[]) =>
  lintPolicy({ [handler]: Grants.parse(grants) });

const HTTP: GrantInput = {
  capability: 'http',
  schemes: ['https'],
  hosts: ['api.test'],
  ports: [443],
  methods: ['GET'],
};

describe('the lint of a policy', () => {
  it('has nothing to say about narrow grants', () => {
    const secret: GrantInput = { capability: 'secret', names: ['TOKEN'], hosts: ['api.test'] };
    expect(lint('fetch', HTTP, secret, { capability: 'log' }, { capability: 'time' })).toEqual([]);
    expect(lint('*', { capability: 'log' }, { capability: 'time' })).toEqual([]);
  });

  it('flags every secret_read, however narrow', () => {
    const [warning, ...more] = lint('sign', { capability: 'secret_read', names: ['KEY'] });
    expect(more).toEqual([]);
    expect(warning).toMatchObject({ handler: 'sign', capability: 'secret_read' });
    expect(warning?.message).toContain('handed the value of KEY');
  });

  it.each<[string, GrantInput, string]>([
    ['any host', { ...HTTP, hosts: ['*'] }, 'hosts = ["*"]'],
    ['every address', { ...HTTP, private_networks: ['0.0.0.0/0'] }, '0.0.0.0/0 is every address'],
    ['every secret', { capability: 'secret', names: ['*'], hosts: ['api.test'] }, 'names = ["*"]'],
    ['secrets to any host', { capability: 'secret', names: ['A'], hosts: ['*'] }, 'hosts = ["*"]'],
    [
      'secrets without TLS',
      { capability: 'secret', names: ['A'], hosts: ['a.test'], plain_http: true },
      'plain_http',
    ],
  ])('flags %s', (_, grant, message) => {
    expect(lint('fetch', grant).map((warning) => warning.message)).toEqual([
      expect.stringContaining(message),
    ]);
  });

  it('flags what reaches out and is granted to every handler', () => {
    expect(lint('*', HTTP)).toEqual([
      { handler: '*', capability: 'http', message: expect.stringContaining('every handler') },
    ]);
  });
});
