/**
 * Entry of the admission child, started by URL and imported by nobody. It has no environment, may read only this
 * package's code and jco's, and knows its parent by stdin and stdout: a request is a module with limits, a reply what
 * was made of it, or its refusal.
 */
import { BrokerError, messageOf } from '../../errors.ts';
import type { Limits } from '../../model/limits.ts';
import type { PreparedModule } from '../artifact.ts';
import { prepareComponent } from './component/prepare-component.ts';
import { isComponent } from './component/sections.ts';
import { loadTranspiler, type TranspilerFolders } from './component/transpile.ts';
import { encodePrepared } from './encode-prepared.ts';
import { encodeFrame, type Frame, FrameReader } from './frames.ts';
import { MODULE_BYTES_MAX } from './module-bytes-max.ts';
import { prepareModule } from './prepare.ts';

/** A module and the head of its request. */
const REQUEST_BYTES_MAX = MODULE_BYTES_MAX + 64 * 1024;
const NOTHING = new Uint8Array();

/** The head of a request. */
export interface AdmissionRequest {
  readonly limits: Limits;
  /** The module is only there to run the pipeline on: nobody waits for what comes of it. */
  readonly warmUp: boolean;
}

const [, , jco, wasi] = process.argv;
const folders: TranspilerFolders | null = jco === undefined || wasi === undefined ? null : { jco, wasi };

async function prepare(bytes: Uint8Array, limits: Limits): Promise<PreparedModule> {
  if (!isComponent(bytes)) return prepareModule(bytes, limits);
  return prepareComponent(bytes, limits, await loadTranspiler(folders));
}

async function answer({ head, parts: [bytes] }: Frame): Promise<Uint8Array> {
  const { limits, warmUp } = head as AdmissionRequest;
  try {
    const reply = encodePrepared(await prepare(bytes ?? NOTHING, limits));
    return warmUp ? encodeFrame({ warm: true }, []) : reply;
  } catch (error) {
    if (error instanceof BrokerError) {
      const { code, message, details } = error;
      return encodeFrame({ refused: { code, message, details } }, []);
    }
    return encodeFrame({ fault: messageOf(error) }, []);
  }
}

const reader = new FrameReader(REQUEST_BYTES_MAX);
process.stdin.on('data', (chunk: Uint8Array) => {
  // The parent sends one module at a time.
  for (const frame of reader.read(chunk)) answer(frame).then((reply) => process.stdout.write(reply));
});
