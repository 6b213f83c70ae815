import { formsOf } from './forms.ts';

/** Takes the values of the secrets that were used out of what leaves the host. */
export interface Redactor {
  /** `text` with every form of every value replaced by `[secret NAME]`. */
  text(text: string): string;
  /** The same for bytes; the same array when nothing was found. */
  bytes(bytes: Uint8Array): Uint8Array;
  /** Does `text` contain a form of a value? */
  finds(text: string): boolean;
  /** Names of the secrets of which the bytes contain a form. */
  namesIn(bytes: Uint8Array): string[];
}

/** A redactor for these values, each by its name; a name may have several. Forms: `formsOf`. */
export function createRedactor(secrets: Iterable<readonly [name: string, value: string]>): Redactor {
  const forms = [...secrets].flatMap(([name, value]) =>
    formsOf(value).map((form) => ({
      name,
      form,
      bytes: Buffer.from(form, 'utf8'),
      mask: `[secret ${name}]`,
    })),
  );
  // A longer form may contain a shorter one and must go first.
  forms.sort((one, other) => other.bytes.byteLength - one.bytes.byteLength);
  const foundIn = (view: Buffer) => forms.filter((form) => view.includes(form.bytes));
  return Object.freeze({
    text: (text: string) =>
      forms.reduce((redacted, { form, mask }) => redacted.replaceAll(form, () => mask), text),
    bytes(bytes: Uint8Array): Uint8Array {
      const view = viewOf(bytes);
      const found = foundIn(view);
      if (found.length === 0) return bytes;
      // Latin-1 maps bytes to characters one to one, whatever the encoding of the text.
      const redacted = found.reduce(
        (text, form) => text.replaceAll(form.bytes.toString('latin1'), () => form.mask),
        view.toString('latin1'),
      );
      return Buffer.from(redacted, 'latin1');
    },
    finds: (text: string) => forms.some(({ form }) => text.includes(form)),
    namesIn: (bytes: Uint8Array) => [...new Set(foundIn(viewOf(bytes)).map(({ name }) => name))],
  });
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
