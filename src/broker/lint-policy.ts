import type { Grant, Grants } from '../model/grant.ts';
import { ANY } from '../model/grant-scope.ts';

/** A grant that is valid and gives more than it should without a good reason. */
export interface PolicyWarning {
  /** Handler name as it stands in broker.toml, or `*`. */
  readonly handler: string;
  readonly capability: Grant['capability'];
  /** What it allows, and what to write instead. */
  readonly message: string;
}

/** Grants of broker.toml that a careful operator would look at twice. Pure; refuses nothing. */
export function lintPolicy(policy: Readonly<Record<string, Grants>>): readonly PolicyWarning[] {
  return Object.entries(policy).flatMap(([handler, grants]) =>
    grants.flatMap((grant) => {
      const { capability } = grant;
      const everyHandler = handler === ANY && !HARMLESS.includes(capability);
      return [
        ...(everyHandler ? ['every handler has it; grant it to those that need it, by name'] : []),
        ...faultsOf(grant),
      ].map((message) => Object.freeze({ handler, capability, message }));
    }),
  );
}

/** Of no use to anyone outside. */
const HARMLESS: readonly Grant['capability'][] = ['log', 'time', 'wait'];

function faultsOf(grant: Grant): readonly string[] {
  switch (grant.capability) {
    case 'secret_read':
      return [
        `the handler is handed the value of ${grant.names.join(', ')} and can encode it past every search; grant "secret" ` +
          'instead, with which the host fills the value in',
        ...wide('names', grant.names, 'every secret'),
      ];
    case 'secret':
      return [
        ...wide('names', grant.names, 'every secret'),
        ...wide('hosts', grant.hosts, 'any host'),
        ...(grant.plain_http ? ['plain_http sends values without TLS; leave it out'] : []),
      ];
    case 'http':
      return [
        ...wide('hosts', grant.hosts, 'any public host'),
        ...grant.private_networks
          .filter((network) => network.endsWith('/0'))
          .map((network) => `private_networks ${network} is every address; name the networks`),
      ];
    default:
      return [];
  }
}

function wide(scope: string, values: readonly unknown[], meaning: string): string[] {
  return values.includes(ANY) ? [`${scope} = ["*"] is ${meaning}; list them`] : [];
}
