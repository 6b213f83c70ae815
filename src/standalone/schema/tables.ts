/**
 * The tables of the worker contract: names, columns and types as Tasker 0.1.8 has them (worker protocol §2.1). The
 * timestamps have no time zone and are UTC; where Tasker gives a column no default, it has none here, so that a
 * statement that works here works there.
 */
export const CREATE_TABLES = `
CREATE TYPE tasker.identity_strategy AS ENUM ('strict', 'caller_provided', 'always_unique');
CREATE TYPE tasker.dlq_reason AS ENUM
  ('staleness_timeout', 'max_retries_exceeded', 'dependency_cycle_detected', 'worker_unavailable', 'manual_dlq');
CREATE TYPE tasker.dlq_resolution_status AS ENUM
  ('pending', 'manually_resolved', 'permanently_failed', 'cancelled');

CREATE TABLE tasker.task_namespaces (
  task_namespace_uuid uuid DEFAULT tasker.uuid_generate_v7() PRIMARY KEY,
  name varchar(64) NOT NULL UNIQUE,
  description varchar(255),
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL
);

CREATE TABLE tasker.named_tasks (
  named_task_uuid uuid DEFAULT tasker.uuid_generate_v7() PRIMARY KEY,
  task_namespace_uuid uuid NOT NULL REFERENCES tasker.task_namespaces,
  name varchar(64) NOT NULL,
  description varchar(255),
  version varchar(16) DEFAULT '0.1.0' NOT NULL,
  configuration jsonb DEFAULT '{}',
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL,
  identity_strategy tasker.identity_strategy DEFAULT 'strict' NOT NULL,
  CONSTRAINT named_tasks_namespace_name_version_unique UNIQUE (task_namespace_uuid, name, version)
);

CREATE TABLE tasker.named_steps (
  named_step_uuid uuid DEFAULT tasker.uuid_generate_v7() PRIMARY KEY,
  name varchar(128) NOT NULL CONSTRAINT named_steps_name_unique UNIQUE,
  description varchar(255),
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL
);

CREATE TABLE tasker.named_tasks_named_steps (
  ntns_uuid uuid DEFAULT tasker.uuid_generate_v7() PRIMARY KEY,
  named_task_uuid uuid NOT NULL REFERENCES tasker.named_tasks,
  named_step_uuid uuid NOT NULL REFERENCES tasker.named_steps,
  default_retryable boolean DEFAULT true NOT NULL,
  default_max_attempts integer DEFAULT 3 NOT NULL,
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL,
  CONSTRAINT named_tasks_named_steps_unique UNIQUE (named_task_uuid, named_step_uuid)
);

CREATE TABLE tasker.tasks (
  task_uuid uuid DEFAULT tasker.uuid_generate_v7() PRIMARY KEY,
  named_task_uuid uuid NOT NULL REFERENCES tasker.named_tasks,
  complete boolean DEFAULT false NOT NULL,
  requested_at timestamp NOT NULL,
  completed_at timestamp,
  initiator varchar(128),
  source_system varchar(128),
  reason varchar(128),
  tags jsonb,
  context jsonb,
  identity_hash varchar(128) NOT NULL,
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL,
  priority integer DEFAULT 0 NOT NULL,
  correlation_id uuid NOT NULL,
  parent_correlation_id uuid
);

CREATE TABLE tasker.task_transitions (
  task_transition_uuid uuid DEFAULT tasker.uuid_generate_v7() PRIMARY KEY,
  task_uuid uuid NOT NULL REFERENCES tasker.tasks,
  to_state varchar NOT NULL,
  from_state varchar,
  metadata jsonb DEFAULT '{}',
  sort_key integer NOT NULL,
  most_recent boolean DEFAULT false NOT NULL,
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL,
  processor_uuid uuid,
  transition_metadata jsonb DEFAULT '{}'
);

CREATE TABLE tasker.workflow_steps (
  workflow_step_uuid uuid DEFAULT tasker.uuid_generate_v7() PRIMARY KEY,
  task_uuid uuid NOT NULL REFERENCES tasker.tasks,
  named_step_uuid uuid NOT NULL REFERENCES tasker.named_steps,
  retryable boolean DEFAULT true NOT NULL,
  max_attempts integer DEFAULT 3,
  in_process boolean DEFAULT false NOT NULL,
  processed boolean DEFAULT false NOT NULL,
  processed_at timestamp,
  attempts integer,
  last_attempted_at timestamp,
  backoff_request_seconds integer,
  inputs jsonb,
  results jsonb,
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL,
  priority integer DEFAULT 0 NOT NULL,
  checkpoint jsonb,
  CONSTRAINT uq_workflow_step_task_named_step UNIQUE (task_uuid, named_step_uuid)
);

CREATE TABLE tasker.workflow_step_edges (
  workflow_step_edge_uuid uuid DEFAULT tasker.uuid_generate_v7() PRIMARY KEY,
  from_step_uuid uuid NOT NULL REFERENCES tasker.workflow_steps,
  to_step_uuid uuid NOT NULL REFERENCES tasker.workflow_steps,
  name varchar NOT NULL,
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL,
  CONSTRAINT unique_edge_per_step_pair UNIQUE (from_step_uuid, to_step_uuid, name)
);

CREATE TABLE tasker.workflow_step_transitions (
  workflow_step_transition_uuid uuid DEFAULT tasker.uuid_generate_v7() PRIMARY KEY,
  workflow_step_uuid uuid NOT NULL REFERENCES tasker.workflow_steps,
  to_state varchar NOT NULL,
  from_state varchar,
  metadata jsonb DEFAULT '{}',
  sort_key integer NOT NULL,
  most_recent boolean DEFAULT false NOT NULL,
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL
);

CREATE TABLE tasker.workflow_step_result_audit (
  workflow_step_result_audit_uuid uuid DEFAULT tasker.uuid_generate_v7() PRIMARY KEY,
  workflow_step_uuid uuid NOT NULL REFERENCES tasker.workflow_steps,
  workflow_step_transition_uuid uuid NOT NULL REFERENCES tasker.workflow_step_transitions,
  task_uuid uuid NOT NULL REFERENCES tasker.tasks,
  recorded_at timestamp(6) DEFAULT now() NOT NULL,
  worker_uuid uuid,
  correlation_id uuid,
  success boolean NOT NULL,
  execution_time_ms bigint,
  created_at timestamp(6) DEFAULT now() NOT NULL,
  updated_at timestamp(6) DEFAULT now() NOT NULL,
  CONSTRAINT uq_audit_step_transition UNIQUE (workflow_step_uuid, workflow_step_transition_uuid)
);

CREATE TABLE tasker.tasks_dlq (
  dlq_entry_uuid uuid DEFAULT tasker.uuid_generate_v7() PRIMARY KEY,
  task_uuid uuid NOT NULL REFERENCES tasker.tasks,
  original_state varchar(50) NOT NULL,
  dlq_reason tasker.dlq_reason NOT NULL,
  dlq_timestamp timestamp DEFAULT now() NOT NULL,
  resolution_status tasker.dlq_resolution_status DEFAULT 'pending' NOT NULL,
  resolution_timestamp timestamp,
  resolution_notes text,
  resolved_by varchar(255),
  task_snapshot jsonb NOT NULL,
  metadata jsonb,
  created_at timestamp DEFAULT now() NOT NULL,
  updated_at timestamp DEFAULT now() NOT NULL
);
`;
