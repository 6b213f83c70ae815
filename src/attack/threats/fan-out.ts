import type { JsonObject, JsonValue } from '../../model/json.ts';
import { type Attack, harmless, settled } from '../attack.ts';
import { ECHO_TEXT } from '../guests/text.ts';

/** Steps of the template: a decision with two branches, and a batch with its worker. */
const OUTLINE: JsonValue = [
  { name: 'choose', type: 'decision', dependencies: [] },
  { name: 'left', type: 'standard', dependencies: ['choose'] },
  { name: 'right', type: 'standard', dependencies: ['choose'] },
  { name: 'pay', type: 'standard', dependencies: [] },
  { name: 'split', type: 'batchable', dependencies: [] },
  { name: 'work', type: 'batch_worker', dependencies: ['split'] },
];
const INVALID = settled('failed', 'ERR_OUTCOME_INVALID');

/** The handler's output is its input. */
const attack = (
  id: string,
  tries: string,
  step: { readonly name: 'choose' | 'split'; readonly type: 'decision' | 'batchable' },
  output: JsonValue,
  expect: Attack['expect'],
): Attack => ({
  id: `fan-out-${id}`,
  threat: 'fan-out',
  tries,
  by: {
    kind: 'handler',
    module: { wat: ECHO_TEXT },
    outline: OUTLINE,
    limits: { input_bytes: 8 * 1024 * 1024, output_bytes: 2 * 1024 * 1024 },
    step: {
      stepName: step.name,
      templateStepName: step.name,
      stepType: step.type,
      initialization: { input: output, worker_template_name: 'work' },
    },
  },
  expect,
});

const decision = (id: string, tries: string, outcome: JsonValue, expect = INVALID) =>
  attack(
    `decision-${id}`,
    tries,
    { name: 'choose', type: 'decision' },
    { decision_point_outcome: outcome },
    expect,
  );

const batchOf = (count: number, change: Readonly<Record<string, JsonValue>> = {}): JsonValue => ({
  type: 'create_batches',
  worker_template_name: 'work',
  worker_count: count,
  total_items: count,
  cursor_configs: Array.from({ length: count }, (_, n) => ({
    batch_id: `b${n}`,
    start_cursor: n,
    end_cursor: n + 1,
    batch_size: 1,
  })),
  ...change,
});

const batch = (id: string, tries: string, outcome: JsonValue, expect = INVALID) =>
  attack(
    `batch-${id}`,
    tries,
    { name: 'split', type: 'batchable' },
    { batch_processing_outcome: outcome },
    expect,
  );

const names = (count: number, name: (n: number) => string): JsonValue =>
  Array.from({ length: count }, (_, n) => name(n));
const chooses = (step_names: JsonValue): JsonValue => ({ type: 'create_steps', step_names });
const CHOSEN = chooses(['left', 'right']);

export const FAN_OUT_ATTACKS: readonly Attack[] = [
  decision('many', 'create more steps than a decision may', chooses(names(101, () => 'left'))),
  decision('million', 'create a hundred thousand steps', chooses(names(100_000, () => 'left'))),
  decision('foreign', 'create a step that does not hang on it', chooses(['pay'])),
  decision('unknown', 'create steps that do not exist', chooses(names(50, (n) => `step_${n}`))),
  decision('itself', 'create itself again', chooses(['choose'])),
  decision('prototype', 'create what every object has', chooses(['__proto__', 'constructor'])),
  decision('none', 'create no steps by a list that is empty', chooses([])),
  decision(
    'control',
    'nothing: both branches are its own',
    CHOSEN,
    harmless({ decision_point_outcome: CHOSEN }),
  ),
  batch('many', 'create more workers than a batch may', batchOf(1001)),
  batch('nonsense', 'have the broker look at a hundred thousand batches that are none', {
    ...(batchOf(1) as JsonObject),
    cursor_configs: Array<JsonValue>(100_000).fill({}),
  }),
  batch('count', 'say fewer workers than it creates', batchOf(500, { worker_count: 1 })),
  batch(
    'twice',
    'create one batch twice',
    batchOf(2, {
      cursor_configs: [0, 1].map(() => ({ batch_id: 'b', start_cursor: 0, end_cursor: 1, batch_size: 1 })),
    }),
  ),
  batch('foreign', 'have another step work on the batches', batchOf(2, { worker_template_name: 'pay' })),
  batch(
    'name',
    'give a batch a name that no step can have',
    batchOf(1, {
      cursor_configs: [{ batch_id: 'x'.repeat(200), start_cursor: 0, end_cursor: 1, batch_size: 1 }],
    }),
  ),
  batch(
    'path',
    'give a batch a name that is a path',
    batchOf(1, {
      cursor_configs: [{ batch_id: '../../etc', start_cursor: 0, end_cursor: 1, batch_size: 1 }],
    }),
  ),
  batch('negative', 'create minus one worker', batchOf(1, { worker_count: -1 })),
  batch(
    'control',
    'nothing: ten workers are allowed',
    batchOf(10),
    harmless({ batch_processing_outcome: batchOf(10) }),
  ),
];
