import { type Attack, harmless, type ModuleSource, notAdmitted, settled } from '../attack.ts';
import { guestText } from '../guests/text.ts';

const MALFORMED = notAdmitted('ERR_MODULE_MALFORMED');
const TOO_LARGE = notAdmitted('ERR_MODULE_TOO_LARGE');
const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

const attack = (
  id: string,
  tries: string,
  module: ModuleSource,
  expect: Attack['expect'],
  hurried = false,
): Attack => ({
  id: `module-${id}`,
  threat: 'module',
  tries,
  by: { kind: 'handler', module, ...(hurried && { hurried: true as const }) },
  expect,
});

const bytes = (content: () => readonly number[]): ModuleSource => ({
  bytes: () => Uint8Array.from(content()),
});
const module = (sections: () => readonly number[]): ModuleSource => bytes(() => [...HEADER, ...sections()]);

const TYPES_ONE = [1, 4, 1, 0x60, 0, 0];
const nested = (depth: number): number[] => [
  ...Array(depth).fill([0x02, 0x40]).flat(),
  ...Array(depth).fill(0x0b),
];

interface Special {
  readonly count?: number;
  readonly locals?: readonly number[];
  /** Content of the memory section. */
  readonly memory?: readonly number[];
}

/** A handler that returns 0, with `count` functions beside that have these locals and this body. */
function withFunctions(
  body: readonly number[],
  { count = 1, locals = [0], memory = [1, 0, 1] }: Special = {},
): readonly number[] {
  const inner = [...locals, ...body, 0x0b];
  const types = section(1, [2, 0x60, 0, 0, 0x60, 0, 1, 0x7f]);
  const functions = section(3, [...leb(count + 1), ...Array<number>(count).fill(0), 1]);
  const exports = [2, ...named('memory'), 2, 0, ...named('tk_handle'), 0, ...leb(count)];
  const code = Array<readonly number[]>(count)
    .fill([...leb(inner.length), ...inner])
    .flat();
  return [
    types,
    functions,
    section(5, memory),
    section(7, exports),
    section(10, [...leb(count + 1), ...code, 4, 0, 0x41, 0, 0x0b]),
  ].flat();
}

const section = (id: number, content: readonly number[]) => [id, ...leb(content.length), ...content];
const named = (name: string) => [name.length, ...Buffer.from(name)];

/** Valid, within every bound of the rewriter, and so much code that reading it takes seconds. */
function heavy(): readonly number[] {
  const multiply = [0x41, 3, 0x41, 3, 0x6c, 0x1a];
  return withFunctions(Array(60).fill(multiply).flat(), { count: 20_000 });
}

export const MODULE_ATTACKS: readonly Attack[] = [
  attack(
    'empty',
    'be nothing at all',
    bytes(() => []),
    MALFORMED,
  ),
  attack('text', 'be a script', { bytes: () => new TextEncoder().encode('process.exit(1)') }, MALFORMED),
  attack(
    'header-only',
    'end after the header',
    bytes(() => HEADER.slice(0, 6)),
    MALFORMED,
  ),
  attack(
    'future-version',
    'be a component of a version to come',
    bytes(() => [0, 0x61, 0x73, 0x6d, 0x0e, 0, 1, 0]),
    notAdmitted('ERR_MODULE_UNSUPPORTED'),
  ),
  attack(
    'long-section',
    'have a section reach beyond the end',
    module(() => [1, 0xff, 0xff, 0xff, 0xff, 0x0f]),
    MALFORMED,
  ),
  attack(
    'long-number',
    'write a length with too many bytes',
    module(() => [1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]),
    MALFORMED,
  ),
  attack(
    'count-without-content',
    'promise four billion types',
    module(() => [1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]),
    MALFORMED,
  ),
  attack(
    'twice-the-same-section',
    'have a section twice',
    module(() => [...TYPES_ONE, ...TYPES_ONE]),
    MALFORMED,
  ),
  attack(
    'locals',
    'declare four billion locals in six bytes',
    module(() => withFunctions([], { locals: [1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f] })),
    TOO_LARGE,
  ),
  attack(
    'nesting',
    'nest eighty thousand blocks',
    module(() => withFunctions(nested(80_000))),
    TOO_LARGE,
  ),
  attack(
    'type-error',
    'be well-formed and wrong',
    module(() => withFunctions([0x41, 0])),
    MALFORMED,
  ),
  attack(
    'no-entry',
    'have no entry',
    { wat: '(module (memory (export "memory") 1))' },
    notAdmitted('ERR_EXPORT_MISSING'),
  ),
  attack(
    'no-memory',
    'have no memory',
    { wat: '(module (func (export "tk_handle") (result i32) (i32.const 0)))' },
    notAdmitted('ERR_EXPORT_MISSING'),
  ),
  attack(
    'entry-of-another-type',
    'have an entry of another type',
    {
      wat: '(module (memory (export "memory") 1) (func (export "tk_handle") (param i32) (result i64) (i64.const 0)))',
    },
    notAdmitted('ERR_EXPORT_MISSING'),
  ),
  attack(
    'shared-memory',
    'share its memory between threads',
    module(() => withFunctions([], { memory: [1, 3, 1, 2] })),
    notAdmitted('ERR_MODULE_UNSUPPORTED'),
  ),
  attack(
    'wide-memory',
    'use 64-bit addresses',
    module(() => withFunctions([], { memory: [1, 5, 1, 2] })),
    notAdmitted('ERR_MODULE_UNSUPPORTED'),
  ),
  attack(
    'second-memory',
    'have a second memory that nobody counts',
    module(() => withFunctions([], { memory: [2, 0, 1, 0, 1] })),
    notAdmitted('ERR_MODULE_UNSUPPORTED'),
  ),
  attack(
    'heavy',
    'take more time to read than admission has',
    module(heavy),
    notAdmitted('ERR_ADMISSION_TIME'),
    true,
  ),
  {
    id: 'module-trap-in-start',
    threat: 'module',
    tries: 'trap in the start function, which admission runs',
    by: { kind: 'handler', module: { wat: guestText({ fields: '(func $s (unreachable)) (start $s)' }) } },
    expect: settled('trapped', 'ERR_GUEST_TRAP'),
  },
  {
    id: 'module-call-in-start',
    threat: 'module',
    tries: 'call the host in the start function, while it is admitted',
    by: {
      kind: 'handler',
      module: {
        wat: guestText({
          imports: ['output_write'],
          fields: '(func $s (call $output_write (i32.const 0) (i32.const 1))) (start $s)',
          body: '(i32.const 0)',
        }),
      },
    },
    expect: harmless(1),
  },
  {
    id: 'module-segment-outside',
    threat: 'module',
    tries: 'put data beyond its memory',
    by: { kind: 'handler', module: { wat: guestText({ fields: '(data (i32.const 65535) "four")' }) } },
    expect: settled('trapped', 'ERR_GUEST_TRAP'),
  },
];

function leb(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  do {
    out.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return out;
}
