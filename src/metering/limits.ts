import { MeteringError } from './errors.ts';

/** Admission bounds. A module beyond one is refused with the code `limit-…` of the same name. */
export interface MeterLimits {
  readonly moduleBytes: number;
  readonly functionBodyBytes: number;
  readonly types: number;
  /** Parameters of one type, and its results. */
  readonly signature: number;
  readonly imports: number;
  readonly functions: number;
  readonly tables: number;
  readonly memories: number;
  readonly globals: number;
  readonly tags: number;
  readonly exports: number;
  /** Initial pages of all memories together. */
  readonly memoryMinPages: number;
  /** Declared maximums of all memories together; one without counts as 65,536 (2³² with 64-bit addresses). */
  readonly memoryMaxPages: number;
  /** Initial elements of all tables together. */
  readonly tableMinElements: number;
  /** Declared maximums of all tables together; one without counts as 2³² − 1. */
  readonly tableMaxElements: number;
  readonly dataSegments: number;
  readonly dataBytes: number;
  readonly elementSegments: number;
  readonly elementItems: number;
  /** Parameters and locals of one function. */
  readonly locals: number;
  readonly nesting: number;
  /** Operands on the stack of one function at once. */
  readonly operands: number;
  readonly branchTargets: number;
}

/**
 * Generous for what compilers emit, and below the engines' own implementation limits
 * (WebAssembly JavaScript Interface, "Limits") even after the additions that metering makes.
 */
export const DEFAULT_METER_LIMITS: MeterLimits = Object.freeze({
  moduleBytes: 16 * 1024 * 1024,
  functionBodyBytes: 256 * 1024,
  types: 20_000,
  signature: 1_000,
  imports: 1_000,
  functions: 100_000,
  tables: 16,
  memories: 16,
  globals: 20_000,
  tags: 1_000,
  exports: 20_000,
  memoryMinPages: 4_096,
  // As much as so many memories and tables can have that declare no maximum.
  memoryMaxPages: 16 * 65_536,
  tableMinElements: 100_000,
  tableMaxElements: 16 * 0xffff_ffff,
  dataSegments: 50_000,
  dataBytes: 16 * 1024 * 1024,
  elementSegments: 10_000,
  elementItems: 1_000_000,
  // Engines allow 50,000; metering adds up to four.
  locals: 49_996,
  nesting: 4_096,
  operands: 65_536,
  branchTargets: 65_520,
});

/** The defaults with what the caller sets instead. */
export function resolveLimits(overrides: Partial<MeterLimits> = {}): MeterLimits {
  for (const [name, value] of Object.entries(overrides)) {
    if (!(name in DEFAULT_METER_LIMITS))
      throw new MeteringError('invalid-argument', `unknown limit '${name}'`);
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new MeteringError('invalid-argument', `limit '${name}' must be a whole number, got ${value}`);
    }
  }
  return { ...DEFAULT_METER_LIMITS, ...overrides };
}

const CODES = {
  moduleBytes: 'limit-module-bytes',
  functionBodyBytes: 'limit-function-body-bytes',
  types: 'limit-types',
  signature: 'limit-signature',
  imports: 'limit-imports',
  functions: 'limit-functions',
  tables: 'limit-tables',
  memories: 'limit-memories',
  globals: 'limit-globals',
  tags: 'limit-tags',
  exports: 'limit-exports',
  memoryMinPages: 'limit-memory-min-pages',
  memoryMaxPages: 'limit-memory-max-pages',
  tableMinElements: 'limit-table-min-elements',
  tableMaxElements: 'limit-table-max-elements',
  dataSegments: 'limit-data-segments',
  dataBytes: 'limit-data-bytes',
  elementSegments: 'limit-element-segments',
  elementItems: 'limit-element-items',
  locals: 'limit-locals',
  nesting: 'limit-nesting',
  operands: 'limit-operands',
  branchTargets: 'limit-branch-targets',
} as const satisfies Record<keyof MeterLimits, string>;

/** Refuses a value over its bound. */
export function checkLimit(
  limits: MeterLimits,
  name: keyof MeterLimits,
  value: number,
  offset?: number,
): void {
  if (value <= limits[name]) return;
  throw new MeteringError(CODES[name], `${name}: at most ${limits[name]} allowed, got ${value}`, offset);
}
