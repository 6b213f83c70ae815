import * as z from 'zod';
import { BrokerError, ERROR_CODES, type ErrorCode } from '../../errors.ts';
import type { Offsets } from '../../metering/index.ts';
import { ABIS, CAPABILITIES } from '../../model/abi.ts';
import type { PreparedModule } from '../artifact.ts';
import type { Frame } from './frames.ts';

const Pages = z.int().min(0).max(65_536);
const Facts = z.strictObject({
  digest: z.string(),
  abi: z.enum(ABIS),
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
const GLUE_CHARS_MAX = 16 * 1024 * 1024;
const Component = z.strictObject({
  glue: z.string().max(GLUE_CHARS_MAX),
  cores: z
    .array(
      z.strictObject({
        name: z.string().max(100),
        memoryMinPages: Pages.nullable(),
        memoryMaxPages: Pages,
        startExport: z.string().max(100).nullable(),
      }),
    )
    .min(1),
  interfaces: z.array(z.string().max(100)),
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
  z.strictObject({ facts: Facts, image: Image.nullable(), component: Component.nullable() }),
  z.strictObject({ refused: Refused }),
  z.strictObject({ fault: z.string().max(4000) }),
  z.strictObject({ warm: z.literal(true) }),
]);

// untrusted: the child has read hostile bytes
/** What a child's reply says: a prepared module, null after a warm-up; throws the refusal it stands for. */
export function readReply(frame: Frame): PreparedModule | null {
  const parsed = Head.safeParse(frame.head);
  if (!parsed.success)
    throw new BrokerError('ERR_ADMISSION_LOST', 'the admission process sent a wrong reply');
  const head = parsed.data;
  if ('warm' in head) return null;
  if ('refused' in head) {
    const { code, message, details } = head.refused;
    throw new BrokerError(code, message, { details });
  }
  if ('fault' in head)
    throw new BrokerError('ERR_ADMISSION_LOST', `the admission process failed: ${head.fault}`);
  return withParts(head, frame.parts);
}

function withParts(
  { facts, image, component }: Extract<z.infer<typeof Head>, { facts: unknown }>,
  parts: Frame['parts'],
): PreparedModule {
  const [metered, from, original, ...rest] = parts;
  const offsets = offsetsOf(from, original);
  const imageBytes = image === null ? undefined : rest.shift();
  const others = component === null ? 0 : component.cores.length - 1;
  const isWhole = metered !== undefined && offsets !== null && rest.length === others;
  if (!isWhole || (image !== null && imageBytes === undefined)) {
    throw new BrokerError('ERR_ADMISSION_LOST', 'the admission process failed: its reply lacks the module');
  }
  return {
    facts,
    metered,
    offsets,
    image: image === null || imageBytes === undefined ? null : { facts: image, bytes: imageBytes },
    component: component === null ? null : { facts: component, others: rest },
  };
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
