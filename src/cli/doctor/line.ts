/** One thing the doctor looked at. */
export interface DoctorLine {
  readonly area: 'node' | 'config' | 'database' | 'queues' | 'handlers' | 'grants' | 'secrets' | 'templates';
  readonly subject: string;
  /** `error`: the broker will not start, or cannot do its work; `warning`: it runs, and somebody should look. */
  readonly status: 'ok' | 'warning' | 'error';
  /** Facts, or what was expected and what to do. Never the value of a secret. */
  readonly detail: string;
}
