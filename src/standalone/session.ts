import type { ClientConfig } from 'pg';

/**
 * Connection settings of every session: Tasker's functions use unqualified names, and its timestamps are UTC without a
 * time zone (worker protocol §0).
 */
export function sessionConfig(connectionString: string): ClientConfig {
  return {
    connectionString,
    options: '-c search_path=tasker,public -c TimeZone=UTC',
    application_name: 'wasm-broker standalone',
  };
}
