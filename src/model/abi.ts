/**
 * Guest ABI `tasker-core/1`: the one list of what a module may import and must export. Admission checks a module
 * against it, the sandbox links from it, `docs/abi.md` and `docs/host-calls.md` document every row (a test compares).
 */
export const ABI = 'tasker-core/1';

/** Modules of stock `asc --exportRuntime` that export `handle(input: string): string`. No host calls. */
export const PLAIN_ABI = 'assemblyscript/1';

/** Components of the world in wit/handler.wit. */
export const COMPONENT_ABI = 'tasker:catalog/handler@0.1.0';

/** What a guest can be, told by its shape: by its header and its exports. */
export const ABIS = [ABI, PLAIN_ABI, COMPONENT_ABI] as const;
export type Abi = (typeof ABIS)[number];

/** Capabilities an operator can grant. */
export const CAPABILITIES = [
  'log',
  'time',
  'http',
  'secret',
  'secret_read',
  'wait',
  'random',
  'cache',
] as const;
export type CapabilityName = (typeof CAPABILITIES)[number];

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64';

export interface GuestSignature {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export interface AbiFunction extends GuestSignature {
  readonly module: string;
  readonly name: string;
  /** The grant without which the module is not run; null for calls every guest has. */
  readonly capability: CapabilityName | null;
  /** `worker`: answered beside the guest; `broker`: suspends the guest and goes to the host-call boundary. */
  readonly servedBy: 'worker' | 'broker';
  /** Number of the call between lane and broker; written out, never reused. Null for calls served in the worker. */
  readonly wireNumber: number | null;
}

const call = (
  name: string,
  params: readonly ValueType[],
  results: readonly ValueType[],
  capability: CapabilityName | null = null,
): AbiFunction =>
  Object.freeze({
    module: 'tasker',
    name,
    params,
    results,
    capability,
    servedBy: 'worker',
    wireNumber: null,
  });

/** A call that leaves the sandbox: `(request pointer, request length) -> status`, the result by `result_read`. */
const brokerCall = (name: string, capability: CapabilityName, wireNumber: number): AbiFunction =>
  Object.freeze({
    module: 'tasker',
    name,
    params: ['i32', 'i32'] as const,
    results: ['i32'] as const,
    capability,
    servedBy: 'broker',
    wireNumber,
  });

/** Every function a guest may import. */
export const ABI_IMPORTS: readonly AbiFunction[] = Object.freeze([
  call('input_len', [], ['i32']),
  call('input_read', ['i32'], []),
  call('config_len', [], ['i32']),
  call('config_read', ['i32'], []),
  call('step_len', [], ['i32']),
  call('step_read', ['i32'], []),
  call('output_write', ['i32', 'i32'], []),
  call('fail', ['i32', 'i32'], []),
  call('checkpoint', ['i32', 'i32'], []),
  call('wait', ['i32', 'i32'], [], 'wait'),
  call('result_len', [], ['i32']),
  call('result_read', ['i32'], []),
  call('log', ['i32', 'i32', 'i32'], [], 'log'),
  call('get_time', [], ['f64'], 'time'),
  call('random_bytes', ['i32', 'i32'], [], 'random'),
  call('regex_match', ['i32', 'i32'], ['i32']),
  brokerCall('http_request', 'http', 1),
  brokerCall('secret_read', 'secret_read', 2),
  brokerCall('cache_get', 'cache', 3),
  brokerCall('cache_put', 'cache', 4),
  // What AssemblyScript emits for `throw`, failed asserts and out-of-range accesses.
  Object.freeze({
    module: 'env',
    name: 'abort',
    params: ['i32', 'i32', 'i32', 'i32'],
    results: [],
    capability: null,
    servedBy: 'worker',
    wireNumber: null,
  } satisfies AbiFunction),
]);

/** The function the host calls, once per invocation. Returns 0, or a number that makes the step fail. */
export const ABI_ENTRY = 'tk_handle';
export const ABI_MEMORY = 'memory';

/** The same of `assemblyscript/1`: takes and returns a pointer to a string. */
export const PLAIN_ENTRY = 'handle';

/**
 * All that stays of the exports of an `assemblyscript/1` module, with their types: what `--exportRuntime` adds. The
 * loader makes properties from the names of exports, so that any other name would be a way into the host's prototypes.
 */
export const PLAIN_EXPORTS = Object.freeze({
  [PLAIN_ENTRY]: { params: ['i32'], results: ['i32'] },
  __new: { params: ['i32', 'i32'], results: ['i32'] },
  __pin: { params: ['i32'], results: ['i32'] },
  __unpin: { params: ['i32'], results: [] },
  __collect: { params: [], results: [] },
  __rtti_base: 'i32',
  [ABI_MEMORY]: 'memory',
} as const satisfies Readonly<Record<string, 'i32' | 'memory' | GuestSignature>>);

/** An interface that a component may import. */
export interface ComponentInterface {
  readonly capability: CapabilityName | null;
  /** Its functions, by their names in JavaScript. */
  readonly functions: readonly string[];
  /** Its functions leave the sandbox and suspend the guest. */
  readonly leaves: boolean;
}

const componentInterface = (
  functions: readonly string[],
  capability: CapabilityName | null,
  leaves = false,
): ComponentInterface => Object.freeze({ functions, capability, leaves });

/** The interfaces of package `tasker:catalog`, version 0.1.0; wit/handler.wit has their types (a test compares). */
export const COMPONENT_INTERFACES: Readonly<Record<string, ComponentInterface>> = Object.freeze({
  types: componentInterface([], null),
  documents: componentInterface(['config', 'facts'], null),
  log: componentInterface(['log'], 'log'),
  time: componentInterface(['now'], 'time'),
  random: componentInterface(['bytes'], 'random'),
  http: componentInterface(['request'], 'http', true),
  secrets: componentInterface(['read'], 'secret_read', true),
  cache: componentInterface(['get', 'put'], 'cache', true),
  checkpoints: componentInterface(['checkpoint'], null),
  waiting: componentInterface(['wait'], 'wait'),
});

/** Levels of `log`; numbers are part of the ABI. */
export const LOG_LEVELS = Object.freeze({ debug: 0, info: 1, warn: 2, error: 3 });
export type LogLevel = keyof typeof LOG_LEVELS;

/** What a call that leaves the sandbox returns to the guest; numbers are part of the ABI and never reused. */
export const HOST_STATUS = Object.freeze({
  ok: 0,
  denied: 1,
  invalid: 2,
  overLimit: 3,
  failed: 4,
  tooLarge: 5,
});
export type HostStatus = (typeof HOST_STATUS)[keyof typeof HOST_STATUS];
