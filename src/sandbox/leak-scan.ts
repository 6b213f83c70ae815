import type { Authority } from '../host/host-call.ts';
import type { Failed, OutcomeResult } from '../model/outcome.ts';
import type { LogRecord } from './protocol.ts';

/*
 * The last look at what an invocation hands out, where it used secrets. What later steps rely on (output, checkpoint,
 * question to a person) is withheld whole: a result with holes would be taken for a result. What people read (logs,
 * messages) is redacted.
 */

/** `result` without the values of secrets that the invocation used. */
export function scannedResult(result: OutcomeResult, { usedSecrets }: Authority): OutcomeResult {
  if (usedSecrets.isEmpty) return result;
  const { redactor } = usedSecrets;
  const withheld = (what: string, content: string): OutcomeResult => {
    const names = redactor.namesIn(Buffer.from(content));
    return names.length === 0 ? result : leak(what, names);
  };
  switch (result.kind) {
    case 'completed':
      // Both as it is and as whoever parses it will write it: `\u0061` is an a.
      return withheld('output', `${result.output}\n${JSON.stringify(JSON.parse(result.output))}`);
    case 'yielded':
      return withheld('checkpoint', JSON.stringify(result.checkpoint));
    case 'waiting':
      return withheld('question to a person', JSON.stringify(result.wait));
    case 'failed':
      return { ...result, code: redactor.text(result.code), message: redactor.text(result.message) };
    case 'trapped':
      return { ...result, message: redactor.text(result.message), stack: result.stack.map(redactor.text) };
    default:
      return { ...result, message: redactor.text(result.message) };
  }
}

/** Log lines without the values of secrets that the invocation used. */
export function scannedLogs(logs: readonly LogRecord[], { usedSecrets }: Authority): readonly LogRecord[] {
  if (usedSecrets.isEmpty) return logs;
  const { redactor } = usedSecrets;
  return logs.map(({ level, message }) => ({ level, message: redactor.text(message) }));
}

function leak(what: string, names: readonly string[]): Failed {
  return {
    kind: 'failed',
    code: 'ERR_SECRET_LEAK',
    message: `the ${what} contains the value of secret ${names.join(', ')}, as it is or encoded; it was withheld`,
    retryable: false,
  };
}
