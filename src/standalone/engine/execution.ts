import type { StepState } from '../schema/states.ts';
import type { StepReadiness } from './readiness.ts';

export type ExecutionStatus =
  | 'has_ready_steps'
  | 'processing'
  | 'blocked_by_failures'
  | 'all_complete'
  | 'waiting_for_dependencies';

/** What a task's steps add up to; the counters of its API response. */
export interface Execution {
  readonly totalSteps: number;
  readonly pendingSteps: number;
  readonly inProgressSteps: number;
  readonly completedSteps: number;
  readonly failedSteps: number;
  readonly readySteps: number;
  readonly status: ExecutionStatus;
  readonly recommendedAction: string;
  /** 0 to 100, two decimals. */
  readonly completionPercentage: number;
  readonly health: 'blocked' | 'healthy';
}

const ACTIONS: Readonly<Record<ExecutionStatus, string>> = {
  has_ready_steps: 'execute_ready_steps',
  processing: 'wait_for_completion',
  blocked_by_failures: 'handle_failures',
  all_complete: 'finalize_task',
  waiting_for_dependencies: 'wait_for_dependencies',
};

/** In Tasker's order: a permanent failure outranks steps that could start (worker protocol §14). */
export function executionOf(steps: readonly StepReadiness[]): Execution {
  const count = (...states: StepState[]): number =>
    steps.filter((step) => states.includes(step.state)).length;
  const completedSteps = count('complete', 'resolved_manually');
  const failedSteps = count('error');
  const readySteps = steps.filter((step) => step.ready).length;
  const busy = count(
    'in_progress',
    'enqueued',
    'enqueued_for_orchestration',
    'enqueued_as_error_for_orchestration',
  );
  const status = ((): ExecutionStatus => {
    if (failedSteps > 0) return 'blocked_by_failures';
    if (readySteps > 0) return 'has_ready_steps';
    if (busy > 0) return 'processing';
    return completedSteps === steps.length && steps.length > 0 ? 'all_complete' : 'waiting_for_dependencies';
  })();
  return {
    totalSteps: steps.length,
    pendingSteps: count('pending'),
    inProgressSteps: count('in_progress'),
    completedSteps,
    failedSteps,
    readySteps,
    status,
    recommendedAction: ACTIONS[status],
    completionPercentage: steps.length === 0 ? 0 : Math.round((completedSteps / steps.length) * 10_000) / 100,
    health: failedSteps > 0 ? 'blocked' : 'healthy',
  };
}
