/** What one invocation consumed. */
export interface Usage {
  /** Metered units. */
  readonly fuel: number;
  /** False after a trap: then `fuel` may miss up to one straight line of code per live frame. */
  readonly fuelExact: boolean;
  readonly peakMemoryBytes: number;
  /** Host calls that left the sandbox. */
  readonly hostCalls: number;
  readonly logLines: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** Waiting for a free lane. */
  readonly queuedMs: number;
  /** From entering the lane to the result: instantiation, guest and its host calls. */
  readonly wallMs: number;
}
