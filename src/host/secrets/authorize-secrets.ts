import { explainMissing } from '../../model/attenuate.ts';
import { grantsOf } from '../../model/grant.ts';
import { ANY, hostCovers } from '../../model/grant-scope.ts';
import { refuse, type Verdict } from '../../model/verdict.ts';
import type { Authority } from '../host-call.ts';

/** May each of these secrets be sent to where `url` points? Pure. */
export function authorizeSecrets(names: readonly string[], url: URL, authority: Authority): Verdict {
  const encrypted = url.protocol === 'https:';
  for (const name of names) {
    const covered = grantsOf(authority.grants, 'secret').some(
      (grant) =>
        (grant.names.includes(ANY) || grant.names.includes(name)) &&
        grant.hosts.some((pattern) => hostCovers(pattern, url.hostname)) &&
        (encrypted || grant.plain_http),
    );
    if (covered) continue;
    return refuse(
      'ERR_SECRET_DENIED',
      `No secret grant of ${authority.handler} lets ${name} go to ${url.hostname}${encrypted ? '' : ' without TLS'}. ` +
        `The handler's manifest must request it, the step must not narrow it away, and broker.toml must grant it:\n` +
        explainMissing(authority.handler, 'secret', {
          names: [name],
          hosts: [url.hostname],
          ...(!encrypted && { plain_http: true }),
        }),
      { capability: 'secret', secret: name },
    );
  }
  return { allowed: true };
}
