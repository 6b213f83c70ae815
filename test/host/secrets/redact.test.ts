import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { percentEncode } from '../../../src/host/secrets/forms.ts';
import { createRedactor } from '../../../src/host/secrets/redact.ts';

const VALUE = 'p4ss/w+rd "ü" %41 end';
const redactor = createRedactor(new Map([['KEY', VALUE]]));

describe('the redactor', () => {
  it.each([
    ['as it is', VALUE],
    ['in JSON', JSON.stringify({ a: VALUE })],
    ['URL-encoded', percentEncode(VALUE)],
    ['URL-encoded in lower case', percentEncode(VALUE).replace(/%../g, (hex) => hex.toLowerCase())],
    ['in a query', encodeURIComponent(VALUE)],
    ['in a form', new URLSearchParams({ a: VALUE }).toString().replaceAll('%22', '%22')],
    ['in base64', Buffer.from(VALUE).toString('base64')],
    ['in basic authorisation', Buffer.from(`user:${VALUE}`).toString('base64')],
    ['in base64 behind two bytes', Buffer.from(`ab${VALUE}xyz`).toString('base64')],
    ['in base64url', Buffer.from(`u:${VALUE}`).toString('base64url')],
    ['in hexadecimal', Buffer.from(`u:${VALUE}`).toString('hex')],
    ['in hexadecimal in upper case', Buffer.from(VALUE).toString('hex').toUpperCase()],
    ['reversed', [...VALUE].reverse().join('')],
    ['reversed in JSON', JSON.stringify([...VALUE].reverse().join(''))],
  ])('finds and replaces a value %s', (_, text) => {
    expect(redactor.finds(text)).toBe(true);
    expect(redactor.text(`<${text}>`)).toContain('[secret KEY]');
    expect(redactor.finds(redactor.text(text))).toBe(false);
    const bytes = redactor.bytes(Buffer.from(`\u00ff${text}`));
    expect(Buffer.from(bytes).toString()).toContain('[secret KEY]');
  });

  it('leaves other bytes exactly as they are', () => {
    const bytes = Uint8Array.from({ length: 512 }, (_, index) => index & 255);
    expect(redactor.bytes(bytes)).toBe(bytes);
    const mixed = redactor.bytes(Buffer.concat([bytes, Buffer.from(VALUE), bytes]));
    expect(mixed).toEqual(Buffer.concat([bytes, Buffer.from('[secret KEY]'), bytes]));
  });

  it('takes the longer of two values that contain each other first', () => {
    const both = createRedactor(
      new Map([
        ['SHORT', 'abcdefgh'],
        ['LONG', 'abcdefgh-ijkl'],
      ]),
    );
    expect(both.text('abcdefgh-ijkl abcdefgh')).toBe('[secret LONG] [secret SHORT]');
  });

  it('finds every value behind any prefix in base64', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 8, maxLength: 24, unit: 'binary' }),
        fc.uint8Array({ maxLength: 9 }),
        (raw, prefix) => {
          const value = raw.toWellFormed();
          const encoded = Buffer.concat([prefix, Buffer.from(value), prefix]).toString('base64');
          expect(createRedactor(new Map([['A', value]])).finds(encoded)).toBe(true);
        },
      ),
    );
  });
});
