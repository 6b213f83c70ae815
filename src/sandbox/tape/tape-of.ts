import type { Outcome } from '../../model/outcome.ts';
import { TAPE_VERSION, type Tape, type TapeCall } from '../../model/tape.ts';
import type { Job } from '../lanes/job.ts';
import type { Answered, Recorder } from './recorder.ts';

/** The tape of an invocation that has ended. */
export function tapeOf(job: Job, outcome: Outcome, { answered }: Recorder): Tape {
  const { receipt } = outcome;
  const documents = [job.input, job.config, job.step].map((bytes) => mask(job, bytes));
  const answers = answered.map(({ answer }) => mask(job, answer.secret === null ? answer.payload : NO_BYTES));
  const [input = '', config = '', step = ''] = documents.map(({ bytes }) => Buffer.from(bytes).toString());
  return {
    tape: TAPE_VERSION,
    recorded_at: new Date().toISOString(),
    abi: receipt.abi,
    handler: receipt.handler,
    digest: receipt.digest,
    cost_table_hash: receipt.cost_table_hash,
    input,
    config,
    step,
    grants: [...job.authority.grants],
    limits: { ...job.authority.limits },
    seed: receipt.seed,
    time_ms: job.timeMs,
    calls: answered.map((call, index) => callOf(call, answers[index]?.bytes ?? NO_BYTES)),
    masked: [...documents, ...answers].some(({ masked }) => masked),
    outcome: {
      kind: outcome.kind,
      code: 'code' in outcome ? outcome.code : null,
      limit: outcome.kind === 'exhausted' ? outcome.limit : null,
      output_sha256: receipt.output_sha256,
      fuel: receipt.fuel,
    },
  };
}

const NO_BYTES = new Uint8Array(0);

/** Without values of secrets, also of those that the invocation used only later. */
function mask(
  { authority }: Job,
  bytes: Uint8Array,
): { readonly bytes: Uint8Array; readonly masked: boolean } {
  const { usedSecrets } = authority;
  const without = usedSecrets.isEmpty ? bytes : usedSecrets.redactor.bytes(bytes);
  return { bytes: without, masked: without !== bytes };
}

function callOf({ wireNumber, answer, timeMs }: Answered, bytes: Uint8Array): TapeCall {
  const { record, status, secret } = answer;
  return {
    call: record.call,
    wire_number: wireNumber,
    request_sha256: record.requestSha256,
    status,
    answer: secret === null ? Buffer.from(bytes).toString('base64') : null,
    secret,
    time_ms: timeMs,
  };
}
