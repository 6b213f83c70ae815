import type { Limits } from '../model/limits.ts';
import type { Completed, Exhausted, Failed } from '../model/outcome.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** untrusted: the output document of a guest. It must be UTF-8 JSON within the limit. */
export function readOutput(bytes: Uint8Array, limits: Limits): Completed | Failed | Exhausted {
  const allowed = limits.output_bytes;
  const used = bytes.byteLength;
  if (used > allowed) {
    const message = `output of ${used} bytes; limits.output_bytes allows ${allowed}`;
    return {
      kind: 'exhausted',
      code: 'ERR_LIMIT_OUTPUT',
      message,
      limit: 'output_bytes',
      allowed,
      used,
      setting: 'limits.output_bytes',
    };
  }
  try {
    const output = decoder.decode(bytes);
    JSON.parse(output);
    return { kind: 'completed', output };
  } catch (error) {
    const reason = error instanceof SyntaxError ? 'not JSON' : 'not UTF-8';
    const message = `the handler's output (${used} bytes) is ${reason}; it must be one UTF-8 JSON document`;
    return { kind: 'failed', code: 'ERR_OUTPUT_INVALID', message, retryable: false };
  }
}
