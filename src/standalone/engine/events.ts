import type { StepState, TaskState } from '../schema/states.ts';

/** What the engine did. Reported after the transaction that did it was committed. */
export type EngineEvent =
  | { readonly type: 'task_created'; readonly taskUuid: string }
  | {
      readonly type: 'step_enqueued';
      readonly taskUuid: string;
      readonly stepUuid: string;
      readonly name: string;
    }
  | {
      readonly type: 'step_settled';
      readonly taskUuid: string;
      readonly stepUuid: string;
      readonly name: string;
      readonly state: StepState;
    }
  | { readonly type: 'task_state'; readonly taskUuid: string; readonly state: TaskState }
  /** A decision named steps it may not create; as in Tasker it then creates none. */
  | {
      readonly type: 'decision_refused';
      readonly taskUuid: string;
      readonly name: string;
      readonly reason: string;
    }
  /** A result message was put back (`archived: false`) or given up (`archived: true`). */
  | {
      readonly type: 'message_deferred';
      readonly messageId: string;
      readonly archived: boolean;
      readonly reason: string;
    }
  /** The database did not answer; the engine goes on trying. */
  | { readonly type: 'fault'; readonly reason: string };

export type EngineListener = (event: EngineEvent) => void;
