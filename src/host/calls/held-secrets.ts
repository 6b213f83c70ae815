import type { UsedSecrets } from '../secrets/used-secrets.ts';
import type { HttpRequest } from './decode-http-request.ts';

/** Names of the secrets whose values a guest that read them has put into a request itself. */
export function heldIn({ target, headers, body }: HttpRequest, { held }: UsedSecrets): string[] {
  if (held === null) return [];
  const { href } = target.url;
  const head = [href, decoded(href), ...headers.flat()].join('\n');
  return [...new Set([...held.namesIn(Buffer.from(head)), ...(body === null ? [] : held.namesIn(body))])];
}

function decoded(href: string): string {
  try {
    return decodeURIComponent(href);
  } catch {
    return href;
  }
}
