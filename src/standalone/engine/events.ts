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
  /** A step was not enqueued, or it was and its message could not be sent; as in Tasker nobody tries again. */
  | {
      readonly type: 'enqueue_failed';
      readonly taskUuid: string;
      readonly stepUuid: string;
      readonly reason: string;
    }
  | {
      readonly type: 'step_settled';
      readonly taskUuid: string;
      readonly stepUuid: string;
      readonly name: string;
      readonly state: StepState;
    }
  | { readonly type: 'task_state'; readonly taskUuid: string; readonly state: TaskState }
  /** A decision or batchable step named what it may not create; as in Tasker it then creates nothing. */
  | {
      readonly type: 'outcome_refused';
      readonly taskUuid: string;
      readonly name: string;
      readonly reason: string;
    }
  /** A message could not be processed and stays: it comes again when its visibility timeout is over. */
  | {
      readonly type: 'message_left';
      readonly queue: string;
      readonly messageId: string;
      readonly reason: string;
    }
  /** A task stayed in one state for too long; it was moved to `error` and the dead-letter queue. */
  | { readonly type: 'task_stale'; readonly taskUuid: string; readonly state: TaskState }
  /** Finished tasks and archived messages that were old enough were deleted. */
  | { readonly type: 'pruned'; readonly tasks: number; readonly messages: number }
  /** The database did not answer; the engine goes on trying. */
  | { readonly type: 'fault'; readonly reason: string };

export type EngineListener = (event: EngineEvent) => void;
