import { BrokerError } from '../errors.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { Limits } from '../model/limits.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A document for the guest as UTF-8 bytes, known to be JSON and within `limits.input_bytes`. */
export function jsonDocument(
  document: string | Uint8Array | JsonObject | JsonValue[],
  limits: Limits,
  what: 'input' | 'config' | 'step',
): Uint8Array {
  const bytes = bytesOf(document, what);
  if (bytes.byteLength > limits.input_bytes) {
    const message = `${what} of ${bytes.byteLength} bytes; limits.input_bytes allows ${limits.input_bytes}`;
    throw new BrokerError('ERR_INPUT_TOO_LARGE', message, { details: { limit: 'input_bytes' } });
  }
  return bytes;
}

/** As `Buffer`s: small ones share a pool, where a TextEncoder takes memory of its own for each, which costs a microsecond. */
function bytesOf(document: string | Uint8Array | JsonObject | JsonValue[], what: string): Uint8Array {
  if (typeof document === 'string') {
    requireJson(document, what);
    return Buffer.from(document);
  }
  if (document instanceof Uint8Array) {
    requireJson(decodeUtf8(document, what), what);
    return document;
  }
  return Buffer.from(JSON.stringify(document));
}

function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw new BrokerError('ERR_INPUT_INVALID', `${what}: expected UTF-8 text`, { cause: error });
  }
}

function requireJson(text: string, what: string): void {
  try {
    JSON.parse(text);
  } catch (error) {
    throw new BrokerError('ERR_INPUT_INVALID', `${what}: expected one JSON document`, { cause: error });
  }
}
