/** Public API. Explicit named exports; what is not here may change without notice. */
export { type Broker, type BrokerOptions, createBroker } from './broker/broker.ts';
export type { Policy } from './broker/policy.ts';
export { type Catalog, type CatalogEntry, createCatalog } from './catalog/catalog.ts';
export { BUILTIN_FOLDER, handlerFolders, loadHandler } from './catalog/load.ts';
export { type Config, loadConfig } from './config.ts';
export { BrokerError, ERROR_CODES, type ErrorCode } from './errors.ts';
export { type BrokerEvents, createEvents, type Events } from './events.ts';
export { ABI, ABI_IMPORTS } from './model/abi.ts';
export type { Grant, GrantInput } from './model/grant.ts';
export type { StepInvocation } from './model/invocation.ts';
export type { Manifest } from './model/manifest.ts';
export type { StepResult } from './model/step-result.ts';
export type { ClaimedStep, Settled, Settlement, StepQueue } from './queue/step-queue.ts';
export {
  type Artifact,
  createHttpClient,
  createSandbox,
  createSecretSource,
  DEFAULT_LIMITS,
  type ExecuteOptions,
  firstOf,
  type HostServices,
  type HttpClient,
  type Limits,
  type Outcome,
  type Receipt,
  type Sandbox,
  type SandboxOptions,
  type SecretSource,
  type Usage,
} from './sandbox/index.ts';
export { createTaskerQueue } from './tasker/tasker-queue.ts';
