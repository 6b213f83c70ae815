import { STEP_STATES, TASK_STATES } from './states.ts';

const oneOf = (states: readonly string[]): string => states.map((state) => `'${state}'`).join(', ');

/** Which states exist, and that a task or step has one current state. */
export const CREATE_CONSTRAINTS = `
ALTER TABLE tasker.task_transitions
  ADD CONSTRAINT chk_task_transitions_to_state CHECK (to_state IN (${oneOf(TASK_STATES)})),
  ADD CONSTRAINT chk_task_transitions_from_state CHECK (from_state IS NULL OR from_state IN (${oneOf(TASK_STATES)}));
ALTER TABLE tasker.workflow_step_transitions
  ADD CONSTRAINT chk_workflow_step_transitions_to_state CHECK (to_state IN (${oneOf(STEP_STATES)})),
  ADD CONSTRAINT chk_workflow_step_transitions_from_state
    CHECK (from_state IS NULL OR from_state IN (${oneOf(STEP_STATES)}));

CREATE UNIQUE INDEX idx_task_transitions_uuid_most_recent
  ON tasker.task_transitions (task_uuid, most_recent) WHERE most_recent = true;
CREATE UNIQUE INDEX idx_workflow_step_transitions_uuid_most_recent
  ON tasker.workflow_step_transitions (workflow_step_uuid, most_recent) WHERE most_recent = true;
CREATE UNIQUE INDEX idx_tasks_identity_hash ON tasker.tasks (identity_hash);
CREATE UNIQUE INDEX idx_dlq_unique_pending_task ON tasker.tasks_dlq (task_uuid) WHERE resolution_status = 'pending';
`;

/** What the statements of the worker and of the engine look up. */
export const CREATE_INDEXES = `
CREATE INDEX idx_task_transitions_task_uuid ON tasker.task_transitions (task_uuid);
CREATE INDEX idx_task_transitions_state_lookup
  ON tasker.task_transitions (to_state) WHERE most_recent = true;
CREATE INDEX idx_tasks_named_task_uuid ON tasker.tasks (named_task_uuid);
CREATE INDEX idx_tasks_correlation_id ON tasker.tasks (correlation_id);
CREATE INDEX idx_workflow_step_edges_from_step ON tasker.workflow_step_edges (from_step_uuid);
CREATE INDEX idx_workflow_step_edges_to_step ON tasker.workflow_step_edges (to_step_uuid);
CREATE INDEX idx_workflow_step_transitions_step_uuid ON tasker.workflow_step_transitions (workflow_step_uuid);
CREATE INDEX idx_workflow_step_transitions_state_lookup
  ON tasker.workflow_step_transitions (to_state) WHERE most_recent = true;
CREATE INDEX idx_audit_task_uuid ON tasker.workflow_step_result_audit (task_uuid);
CREATE INDEX idx_dlq_task_lookup ON tasker.tasks_dlq (task_uuid);
`;
