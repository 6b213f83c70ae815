import type { ErrorCode } from '../errors.ts';
import type { EventName } from '../events.ts';
import type { GrantInput } from '../model/grant.ts';
import type { StepInvocation } from '../model/invocation.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { PartialLimits } from '../model/limits.ts';
import type { Outcome } from '../model/outcome.ts';
import type { PackedFromLane } from '../sandbox/batch.ts';
import type { ComponentParts } from './guests/component.ts';
import type { PlainParts } from './guests/plain.ts';
import type { ThreatId } from './threats.ts';

/** One attack as data: what it tries, what it is made of, and what has to come of it. */
export interface Attack {
  readonly id: string;
  readonly threat: ThreatId;
  /** In a few words. */
  readonly tries: string;
  readonly by: HandlerAttack | WorkerAttack | ScriptAttack;
  readonly expect: Expected;
}

/** A module, and the step that runs it, through the whole broker: catalog, admission, lane, boundary, settlement. */
export interface HandlerAttack {
  readonly kind: 'handler';
  readonly module: ModuleSource;
  /** What the manifest requests. Default: what policy grants. */
  readonly requests?: readonly GrantInput[];
  /** What policy grants. Default: nothing. */
  readonly grants?: readonly GrantInput[];
  /** Limits of the policy where they differ from those of the range. */
  readonly limits?: PartialLimits;
  readonly configSchema?: JsonObject;
  readonly outputSchema?: JsonObject;
  /** What is special about the step. */
  readonly step?: Partial<StepInvocation>;
  /** The template's steps, for a step whose outcome creates others. */
  readonly outline?: JsonValue;
  /** Steps of other modules with the same grants that run before, whatever comes of them. */
  readonly before?: readonly ModuleSource[];
  /** The same step with these contexts before. */
  readonly contextsBefore?: readonly JsonObject[];
  /** Addresses of names, one list for each lookup; the last one stays. */
  readonly zone?: Zone;
  /** Run in a process of its own. */
  readonly isolated?: true;
  /** Admission has little time and memory. */
  readonly hurried?: true;
}

export type Zone = Readonly<Record<string, readonly (readonly string[])[]>>;

/** Built in the run. */
export type ModuleSource =
  | { readonly wat: string }
  | { readonly assemblyscript: string }
  /** A module in text in the shape of plain AssemblyScript. */
  | { readonly plain: PlainParts }
  /** A component around one core module, and then perhaps a name in it replaced by another of the same length. */
  | { readonly component: ComponentParts; readonly renamed?: readonly [from: string, to: string] }
  | { readonly componentText: string }
  /** No module, but what stands in its place. */
  | { readonly bytes: () => Uint8Array };

/** What a worker that a guest has taken over sends: the broker is real, its lane is not. */
export interface WorkerAttack {
  readonly kind: 'worker';
  /** Posts, for the slot of its invocation. */
  readonly posts: (slot: number) => readonly WorkerPost[];
  readonly grants?: readonly GrantInput[];
  readonly limits?: PartialLimits;
}

/** Messages, or something that is none. */
export type WorkerPost = readonly PackedFromLane[] | { readonly raw: unknown };

/** JavaScript in a process as the process tier starts them: a guest that escaped from WebAssembly. */
export interface ScriptAttack {
  readonly kind: 'script';
  /** An expression; a rejection's or exception's `code` is what comes of it. */
  readonly expression: string;
}

export interface Expected {
  /** How it ends: not loaded, refused before it ran, the outcome of the step, or denied by the runtime. */
  readonly outcome: 'not admitted' | 'refused' | 'denied' | Outcome['kind'];
  readonly code: string | null;
  /** A counter with its labels that goes up; null for what the runtime stops without the broker. */
  readonly metric: string | null;
  /** The event that tells an operator; null likewise. */
  readonly event: EventName | null;
  /** Places that are dialled, as `ADDRESS port`. Default: none. */
  readonly dialled?: readonly string[];
  /** What a step that completes gives. Not compared when left out. */
  readonly output?: JsonValue;
}

/** The module never gets into the catalog. */
export const notAdmitted = (code: ErrorCode): Expected => ({
  outcome: 'not admitted',
  code,
  metric: `wasm_broker_handlers_refused_total{code="${code}"}`,
  event: 'handler:refused',
});

/** The step ends so. */
export const settled = (
  outcome: Outcome['kind'] | 'refused',
  code: ErrorCode,
  dialled: readonly string[] = [],
): Expected => ({ outcome, code, metric: stepMetric(outcome, code), event: 'step:settled', dialled });

/** The step fails by the guest's own word, and its code is counted with all others that guests make up. */
export const failedByItself = (code: string, dialled: readonly string[] = []): Expected => ({
  outcome: 'failed',
  code,
  metric: stepMetric('failed', 'handler'),
  event: 'step:settled',
  dialled,
});

/** The step is refused before anything of it runs. */
export const refused = (code: ErrorCode): Expected => settled('refused', code);

/** It completes with an output that does not matter. */
export const completed = (dialled: readonly string[] = []): Expected => ({
  outcome: 'completed',
  code: null,
  metric: stepMetric('completed', ''),
  event: 'step:settled',
  dialled,
});

/** It may do what it likes: nothing comes of it but this output. */
export const harmless = (output: JsonValue, dialled: readonly string[] = []): Expected => ({
  ...completed(dialled),
  output,
});

/** A host call is refused, and the step goes on. */
export const callRefused = (
  code: ErrorCode,
  {
    call = 'http_request',
    dialled = [],
  }: { readonly call?: string; readonly dialled?: readonly string[] } = {},
): Expected => ({
  ...completed(dialled),
  metric: `wasm_broker_host_calls_refused_total{call="${call}",code="${code}"}`,
  event: 'call:refused',
});

/** The lane is ended for it, and after some of that the step. */
export const laneEnded = (): Expected => ({
  outcome: 'trapped',
  code: 'ERR_LANE_CRASHED',
  metric: 'wasm_broker_lanes_lost_total',
  event: 'lane:lost',
});

/** Node refuses it inside the process; the broker hears nothing of it. */
export const denied = (code: string): Expected => ({ outcome: 'denied', code, metric: null, event: null });

function stepMetric(outcome: string, code: string): string {
  return `wasm_broker_steps_settled_total{outcome="${outcome}",code="${code}"}`;
}
