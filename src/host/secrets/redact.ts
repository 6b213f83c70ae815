/** Takes the values of the secrets that were used out of what leaves the host. */
export interface Redactor {
  /** `text` with every form of every value replaced by `[secret NAME]`. */
  text(text: string): string;
  /** The same for bytes; the same array when nothing was found. */
  bytes(bytes: Uint8Array): Uint8Array;
  /** Does `text` contain a form of a value? */
  finds(text: string): boolean;
}

/**
 * A redactor for these values. Forms: as it is, escaped in JSON, URL-encoded (either case, `+` for space), base64 and
 * base64url wherever in the encoded text the value starts.
 */
export function createRedactor(secrets: ReadonlyMap<string, string>): Redactor {
  const forms = [...secrets].flatMap(([name, value]) =>
    formsOf(value).map((form) => ({ form, bytes: Buffer.from(form, 'utf8'), mask: `[secret ${name}]` })),
  );
  // A longer form may contain a shorter one and must go first.
  forms.sort((one, other) => other.bytes.byteLength - one.bytes.byteLength);
  return Object.freeze({
    text: (text: string) =>
      forms.reduce((redacted, { form, mask }) => redacted.replaceAll(form, () => mask), text),
    bytes(bytes: Uint8Array): Uint8Array {
      const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const found = forms.filter((form) => view.includes(form.bytes));
      if (found.length === 0) return bytes;
      // Latin-1 maps bytes to characters one to one, whatever the encoding of the text.
      const redacted = found.reduce(
        (text, form) => text.replaceAll(form.bytes.toString('latin1'), () => form.mask),
        view.toString('latin1'),
      );
      return Buffer.from(redacted, 'latin1');
    },
    finds: (text: string) => forms.some(({ form }) => text.includes(form)),
  });
}

function formsOf(value: string): string[] {
  const encoded = percentEncode(value);
  const lower = encoded.replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase());
  const loose = encodeLoosely(value);
  return [
    ...new Set([
      value,
      JSON.stringify(value).slice(1, -1),
      encoded,
      lower,
      loose,
      encoded.replaceAll('%20', '+'),
      loose.replaceAll('%20', '+'),
      ...base64Forms(value),
    ]),
  ];
}

/** Every byte but RFC 3986's unreserved characters as `%XX`: cannot change the structure of a URL or form. */
export function percentEncode(value: string): string {
  return Buffer.from(value, 'utf8')
    .toString('latin1')
    .replace(
      /[^A-Za-z0-9\-_.~]/g,
      (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
    );
}

/** What most libraries make of a value in a query: `encodeURIComponent`, without its exception. */
function encodeLoosely(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}

/**
 * The characters that base64 text has for a value wherever the value stands in the encoded bytes: three alignments, of
 * each only the characters that no neighbouring byte takes part in.
 */
function base64Forms(value: string): string[] {
  const bytes = Buffer.from(value, 'utf8');
  return [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    const first = Math.ceil((offset * 8) / 6);
    const end = Math.floor(((offset + bytes.byteLength) * 8) / 6);
    const form = encoded.slice(first, end);
    return [form, form.replaceAll('+', '-').replaceAll('/', '_')];
  });
}
