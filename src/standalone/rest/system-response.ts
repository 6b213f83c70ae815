import type { JsonObject } from '../../model/json.ts';

/** The Tasker whose behaviour this is. */
const TASKER_VERSION = '0.1.8';
const ENVIRONMENT = 'standalone';

export const healthResponse = (status: 'healthy' | 'alive'): JsonObject => ({
  status,
  timestamp: new Date().toISOString(),
});

/** `GET /health/ready`, once the database has answered in `durationMs`. */
export function readyResponse(durationMs: number): JsonObject {
  const healthy = (message: string): JsonObject => ({
    status: 'healthy',
    message,
    duration_ms: Math.round(durationMs),
  });
  return {
    status: 'ready',
    timestamp: new Date().toISOString(),
    checks: {
      web_database: healthy('web_database connected'),
      orchestration_database: healthy('orchestration_database connected'),
      circuit_breaker: healthy('Circuit breaker state: Closed'),
      orchestration_system: healthy('Operational state: Normal'),
      command_processor: healthy('Command processor responsive - DB: true, Queues: true, Processors: 1'),
    },
    info: {
      version: TASKER_VERSION,
      environment: ENVIRONMENT,
      operational_state: 'Normal',
      web_database_pool_size: 1,
      orchestration_database_pool_size: 1,
      circuit_breaker_state: 'Closed',
    },
  };
}

/** `GET /config`: what a worker looks at before it starts (worker protocol §9.3). */
export function configResponse(): JsonObject {
  return {
    metadata: { timestamp: new Date().toISOString(), environment: ENVIRONMENT, version: TASKER_VERSION },
    auth: {
      enabled: false,
      verification_method: 'none',
      jwt_issuer: '',
      jwt_audience: '',
      api_key_header: 'X-API-Key',
      api_key_count: 0,
      strict_validation: true,
      allowed_algorithms: ['RS256'],
    },
    circuit_breakers: { enabled: true, failure_threshold: 5, timeout_seconds: 30, success_threshold: 2 },
    database_pools: { web_api_pool_size: 1, web_api_max_connections: 1 },
    deployment_mode: 'Hybrid',
    messaging: {
      backend: 'pgmq',
      queues: [
        'orchestration_task_requests',
        'orchestration_task_finalizations',
        'orchestration_step_results',
      ],
    },
  };
}
