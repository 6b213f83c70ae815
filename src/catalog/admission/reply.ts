import * as z from 'zod';
import { BrokerError, ERROR_CODES, type ErrorCode } from '../../errors.ts';
import type { Offsets } from '../../metering/index.ts';
import { CAPABILITIES } from '../../model/abi.ts';
import type { PreparedModule } from '../artifact.ts';
import type { Frame } from './frames.ts';

const Pages = z.int().min(0).max(65_536);
const Facts = z.strictObject({
  digest: z.string(),
  publishedBytes: z.int().nonnegative(),
  meteredBytes: z.int().nonnegative(),
  costTableHash: z.string().max(100),
  initialFuel: z.int().nonnegative(),
  uncountedBytes: z.int().nonnegative(),
  fuelExport: z.string().max(100),
  depthExport: z.string().max(100),
  deniedGrowExport: z.string().max(100).nullable(),
  startExport: z.string().max(100).nullable(),
  memoryMinPages: Pages,
  memoryMaxPages: Pages,
  capabilities: z.array(z.enum(CAPABILITIES)),
  suspends: z.boolean(),
});
const Image = z.strictObject({
  restoreExport: z.string().max(100),
  codeShift: z.int(),
  startFuel: z.int().nonnegative(),
  depthBytes: z.int().nonnegative(),
  memoryMinPages: Pages,
});
const Refused = z.strictObject({
  code: z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]),
  message: z.string().max(4000),
  details: z.record(
    z.string(),
    z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())]),
  ),
});
const Head = z.union([
  z.strictObject({ facts: Facts, image: Image.nullable() }),
  z.strictObject({ refused: Refused }),
  z.strictObject({ fault: z.string().max(4000) }),
  z.strictObject({ warm: z.literal(true) }),
]);

// untrusted: the child has read hostile bytes
/** What a child's reply says: a prepared module, null after a warm-up; throws the refusal it stands for. */
export function readReply(frame: Frame): PreparedModule | null {
  const parsed = Head.safeParse(frame.head);
  const [metered, from, original, imageBytes] = frame.parts;
  if (!parsed.success)
    throw new BrokerError('ERR_ADMISSION_LOST', 'the admission process sent a wrong reply');
  const head = parsed.data;
  if ('warm' in head) return null;
  if ('refused' in head) {
    const { code, message, details } = head.refused;
    throw new BrokerError(code, message, { details });
  }
  const offsets = offsetsOf(from, original);
  const isWhole = metered !== undefined && offsets !== null;
  if ('fault' in head || !isWhole || (head.image === null) !== (imageBytes === undefined)) {
    const message = 'fault' in head ? head.fault : 'its reply lacks the module';
    throw new BrokerError('ERR_ADMISSION_LOST', `the admission process failed: ${message}`);
  }
  const image =
    head.image === null || imageBytes === undefined ? null : { facts: head.image, bytes: imageBytes };
  return { facts: head.facts, metered, image, offsets };
}

function offsetsOf(metered: Uint8Array | undefined, original: Uint8Array | undefined): Offsets | null {
  if (metered === undefined || metered.byteLength !== original?.byteLength) return null;
  if (metered.byteLength % Uint32Array.BYTES_PER_ELEMENT !== 0) return null;
  // Copies: a part begins anywhere in its frame.
  return {
    metered: new Uint32Array(new Uint8Array(metered).buffer),
    original: new Uint32Array(new Uint8Array(original).buffer),
  };
}
