import type { CapabilityName } from '../../model/abi.ts';
import { explainMissing } from '../../model/attenuate.ts';
import type { Grant } from '../../model/grant.ts';
import type { CallExplained, GrantsExplained } from '../explain-grants.ts';

/** Grants and verdict for a terminal. */
export function renderGrants(explained: GrantsExplained, configFile: string): string {
  const { handler, version, effective, missing, call } = explained;
  const lines = [
    `${handler}@${version} under ${configFile}: what its manifest requests and the policy grants`,
    ...(effective.length === 0 ? ['  nothing'] : effective.map((grant) => `  ${describeGrant(grant)}`)),
    ...(call === null ? missing.flatMap((capability) => describeMissing(capability, handler)) : []),
    ...(call === null ? [] : ['', ...describeCall(call, configFile)]),
  ];
  return `${lines.join('\n')}\n`;
}

function describeGrant(grant: Grant): string {
  const { capability, ...scope } = grant;
  const scopes = Object.entries(scope)
    .filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(', ') : String(value)}`);
  return [capability.padEnd(6), scopes.join(' · ')].join(' ').trimEnd();
}

function describeMissing(capability: CapabilityName, handler: string): string[] {
  return [
    '',
    `It requests "${capability}", of which nothing is granted. For example:`,
    explainMissing(handler, capability),
  ];
}

function describeCall(call: CallExplained, configFile: string): string[] {
  const title = `${call.method} ${call.url}`;
  if (call.manifest === null || call.policy === null) {
    return [title, `  verdict    refused, ${call.code}: ${call.message}`];
  }
  const unchecked = 'not looked up; they are checked when it is sent (--resolve)';
  return [
    title,
    `  manifest   ${call.manifest ? 'requests it' : 'does not request it'}`,
    `  policy     ${call.policy ? 'grants it' : 'does not grant it'}`,
    `  addresses  ${call.addresses?.join(', ') ?? unchecked}`,
    `  secrets    ${call.secrets.join(', ') || 'none may be sent there'}`,
    `  verdict    ${call.allowed ? 'allowed, unless the step narrows it' : `refused, ${call.code}`}`,
    ...(call.toml === null ? [] : ['', `To grant it, add to ${configFile}:`, call.toml]),
    ...(call.capability === null
      ? []
      : ['', 'To request it, add to capabilities in its manifest.json:', JSON.stringify(call.capability)]),
  ];
}
