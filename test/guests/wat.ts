import wabtInit from 'wabt';
import { dataText, ECHO_TEXT, type GuestParts, guestText } from '../../src/attack/guests/text.ts';

export type { ImportName } from '../../src/attack/guests/text.ts';

const wabt = await wabtInit();

/** Compiles a module from text; hostile guests are written in the tests that use them. */
export function wat(text: string): Uint8Array {
  const module = wabt.parseWat('guest.wat', text, {
    bulk_memory: true,
    multi_value: true,
    reference_types: true,
    memory64: true,
  });
  try {
    module.resolveNames();
    module.validate();
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}

/** A module that keeps to the ABI but for what a test puts into it. */
export function guest(parts: GuestParts): Uint8Array {
  return wat(guestText(parts));
}

/** A data segment with `text` at `address`, and what a guest passes to point at it. */
export const text: (address: number, content: string) => { readonly field: string; readonly args: string } =
  dataText;

/** Copies its input to its output. */
export const ECHO = wat(ECHO_TEXT);

/** Never returns. */
export const ENDLESS = guest({ body: '(loop $again (br $again)) (i32.const 0)' });

/** Writes `1` whatever its input. */
export const ONE = guest({
  imports: ['output_write'],
  fields: '(data (i32.const 0) "1")',
  body: '(call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)',
});
