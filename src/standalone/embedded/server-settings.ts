/** Command-line settings of the embedded server. No secrets: every user of the machine can read them. */
export function serverSettings(options: {
  readonly port: number;
  readonly durable: boolean;
  readonly extensionControlPath: string;
}): string[] {
  const durability = options.durable ? 'on' : 'off';
  const settings: Record<string, string | number> = {
    port: options.port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    extension_control_path: options.extensionControlPath,
    timezone: 'UTC',
    // An acknowledged commit survives a crash. Switched off only for throw-away databases.
    fsync: durability,
    synchronous_commit: durability,
    full_page_writes: durability,
    // Nothing replicates from it and nothing archives its log.
    wal_level: 'minimal',
    max_wal_senders: 0,
    max_wal_size: '256MB',
    max_connections: 100,
    io_method: 'sync',
    // Parameters and rows hold workflow data: neither statements nor the details of errors go to the log.
    log_timezone: 'UTC',
    log_checkpoints: 'off',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_parameter_max_length_on_error: 0,
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
