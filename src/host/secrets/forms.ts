/**
 * The texts that a value is searched for as: as it is, escaped in JSON, URL-encoded (either case, `+` for space), base64
 * and base64url wherever in the encoded text the value starts, hexadecimal in either case, and reversed.
 */
export function formsOf(value: string): string[] {
  const encoded = percentEncode(value);
  const lower = encoded.replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase());
  const loose = encodeLoosely(value);
  const hex = Buffer.from(value, 'utf8').toString('hex');
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
      hex,
      hex.toUpperCase(),
      ...reversedForms(value),
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
 * The value alone, and the characters that base64 text has for a value wherever the value stands in the encoded bytes: three alignments, of
 * each only the characters that no neighbouring byte takes part in.
 */
function base64Forms(value: string): string[] {
  const bytes = Buffer.from(value, 'utf8');
  const alone = [bytes.toString('base64'), bytes.toString('base64url')];
  const inside = [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    const first = Math.ceil((offset * 8) / 6);
    const end = Math.floor(((offset + bytes.byteLength) * 8) / 6);
    const form = encoded.slice(first, end);
    return [form, form.replaceAll('+', '-').replaceAll('/', '_')];
  });
  return [...alone, ...inside];
}

/** Backwards by character, as text and as it would stand in JSON. */
function reversedForms(value: string): string[] {
  const reversed = [...value].reverse().join('');
  return [reversed, JSON.stringify(reversed).slice(1, -1)];
}
