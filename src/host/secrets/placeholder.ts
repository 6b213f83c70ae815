/*
 * Placeholders in what a guest sends: `${secrets.NAME:MARK}`, written by the resolver (model/references.ts) for each
 * reference of the configuration's author. Text without the invocation's mark is data, whatever it looks like.
 */

const START = '${secrets.';
const NAME = '[A-Za-z_][A-Za-z0-9_]*';
/** Looks like a reference, with or without a mark. */
const LOOKALIKE = new RegExp(`\\$\\{secrets\\.${NAME}(:[0-9a-f]*)?\\}`);

/** Text between placeholders and names of secrets, alternating: even indices are text, odd ones are names. */
export function splitPlaceholders(text: string, mark: string | null): string[] {
  if (mark === null || !text.includes(START) || !/^[0-9a-f]+$/.test(mark)) return [text];
  return text.split(new RegExp(`\\$\\{secrets\\.(${NAME}):${mark}\\}`));
}

/** Names of the secrets that `text` has placeholders for. */
export function placeholderNames(text: string, mark: string | null): string[] {
  return splitPlaceholders(text, mark).filter((_, index) => index % 2 === 1);
}

/** Does `text` contain something that reads like a reference to a secret, but is not this invocation's? */
export function hasForeignReference(text: string, mark: string | null): boolean {
  return splitPlaceholders(text, mark).some((part, index) => index % 2 === 0 && LOOKALIKE.test(part));
}

/** `text` with every placeholder replaced. */
export function fillPlaceholders(
  text: string,
  mark: string | null,
  secretOf: (name: string) => string,
): string {
  return splitPlaceholders(text, mark)
    .map((part, index) => (index % 2 === 0 ? part : secretOf(part)))
    .join('');
}
