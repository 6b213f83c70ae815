import type { Command, Constant } from './script.ts';
import { satisfies } from './values.ts';
import type { Observation } from './world.ts';

/**
 * What became of one command. `skipped` names the feature or the reason, `fuel` is what the metered modules used, `exact`
 * says whether that is what the naive count adds up, where it can be compared: where the code ran to its end.
 */
export type Verdict =
  | {
      readonly kind: 'same';
      readonly asExpected: boolean;
      readonly exact: boolean | undefined;
      readonly fuel: bigint;
    }
  | { readonly kind: 'differs'; readonly detail: string }
  | { readonly kind: 'skipped'; readonly reason: string }
  | { readonly kind: 'done'; readonly exact: boolean | undefined; readonly fuel: bigint };

/** Judges what happened in the three worlds. */
export function compare(
  plain: Observation,
  metered: Observation,
  counted: Observation | undefined,
  command?: Command,
): Extract<Verdict, { kind: 'same' | 'differs' }> {
  if (plain.text !== metered.text) {
    return { kind: 'differs', detail: `plain: ${plain.text}; metered: ${metered.text}` };
  }
  const completed = !/^(\w*Error:|exhaustion|exception|thrown)/.test(plain.text);
  if (counted !== undefined && counted.text !== plain.text) {
    return { kind: 'differs', detail: `plain: ${plain.text}; naive count: ${counted.text}` };
  }
  const exact = counted === undefined || !completed ? undefined : counted.fuel === metered.fuel;
  if (exact === false) {
    return { kind: 'differs', detail: `fuel ${metered.fuel}, expected ${counted?.fuel}` };
  }
  const asExpected = command === undefined || expected(plain.text, command);
  return { kind: 'same', asExpected, exact, fuel: metered.fuel };
}

/** Whether the plain module does what the script says: a check of the runner itself. */
function expected(text: string, { type, expected: constants }: Command): boolean {
  switch (type) {
    case 'assert_return': {
      if (text.startsWith('global ')) return true;
      const values = text === '' ? [] : text.split(' ');
      const wanted: readonly Constant[] = constants ?? [];
      return values.length === wanted.length && wanted.every((one, at) => satisfies(values[at] ?? '', one));
    }
    case 'assert_trap':
    case 'assert_uninstantiable':
      return text.startsWith('RuntimeError:');
    case 'assert_unlinkable':
      return text.startsWith('LinkError:') || text.startsWith('TypeError:');
    case 'assert_exhaustion':
      return text === 'exhaustion';
    case 'assert_exception':
      return text === 'exception';
    default:
      return true;
  }
}
