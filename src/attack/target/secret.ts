/** The secret that attacks are after. What leaves is searched for it, in every form, after every attack. */
export const SECRET_NAME = 'TOKEN';
export const SECRET_VALUE = 'kR7-signing.key_0123456789';
export const SECRET_HOST = 'bound.test';

/** Ways to write a value down; independent of those that the leak scan searches for. */
export const ENCODINGS: Readonly<Record<string, (value: string) => string>> = Object.freeze({
  raw: (value: string) => value,
  base64: (value: string) => Buffer.from(value).toString('base64').replace(/=+$/, ''),
  hex: (value: string) => Buffer.from(value).toString('hex'),
  HEX: (value: string) => Buffer.from(value).toString('hex').toUpperCase(),
  url: (value: string) => encodeURIComponent(value),
  reversed: (value: string) => [...value].reverse().join(''),
});

/** The forms of the secret that `text` has. */
export function secretFormsIn(text: string): readonly string[] {
  return Object.entries(ENCODINGS)
    .filter(([, encode]) => text.includes(encode(SECRET_VALUE)))
    .map(([name]) => name);
}
