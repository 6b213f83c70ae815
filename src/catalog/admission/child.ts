/**
 * Entry of the admission child, started by URL and imported by nobody. It has no environment, may read only this
 * package's code, and knows its parent by stdin and stdout: a request is a module with limits, a reply what
 * `prepareModule` made of it, or its refusal.
 */
import { BrokerError, messageOf } from '../../errors.ts';
import type { Limits } from '../../model/limits.ts';
import { encodeFrame, type Frame, FrameReader } from './frames.ts';
import { prepareModule } from './prepare.ts';

/** Limits of the metering pass refuse larger modules with a code; this is the bound of the stream. */
const REQUEST_BYTES_MAX = 64 * 1024 * 1024;
/** So many rounds and the pipeline's own code is compiled; a spare child has the time. */
const WARM_UP_ROUNDS = 8;

const NOTHING = new Uint8Array();

/** The head of a request. */
export interface AdmissionRequest {
  readonly limits: Limits;
  /** The module is only there to run the pipeline on: nobody waits for what comes of it. */
  readonly warmUp: boolean;
}

function answer({ head, parts: [bytes] }: Frame): Uint8Array {
  const { limits, warmUp } = head as AdmissionRequest;
  try {
    if (warmUp) {
      for (let round = 0; round < WARM_UP_ROUNDS; round += 1) prepareModule(bytes ?? NOTHING, limits);
      return encodeFrame({ warm: true }, []);
    }
    const { facts, metered, image, offsets } = prepareModule(bytes ?? NOTHING, limits);
    const code = [metered, offsetBytes(offsets.metered), offsetBytes(offsets.original)];
    const parts = image === null ? code : [...code, image.bytes];
    return encodeFrame({ facts, image: image?.facts ?? null }, parts);
  } catch (error) {
    if (error instanceof BrokerError) {
      const { code, message, details } = error;
      return encodeFrame({ refused: { code, message, details } }, []);
    }
    return encodeFrame({ fault: messageOf(error) }, []);
  }
}

const offsetBytes = ({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

const reader = new FrameReader(REQUEST_BYTES_MAX);
process.stdin.on('data', (chunk: Uint8Array) => {
  for (const frame of reader.read(chunk)) process.stdout.write(answer(frame));
});
