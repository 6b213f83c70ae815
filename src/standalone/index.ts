/** Tasker without Tasker: an embedded PostgreSQL, the worker contract's schema, and the orchestrator's side of it. */
export {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from './embedded-postgres.ts';
export {
  createEngine,
  type Engine,
  type EngineEvent,
  type EngineOptions,
  type Retention,
  type StepView,
  startEngine,
  type TaskRequest,
  type TaskView,
  type UnfinishedTask,
} from './engine.ts';
export { type RestOptions, type RestServer, startRestServer } from './rest/server.ts';
export { installSchema, SCHEMA_VERSION } from './schema/install.ts';
export type { StepState, TaskState } from './schema/states.ts';
