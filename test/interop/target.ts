/** A Tasker server that the suite runs against: its REST API, and the database that our broker works on. */
export interface Target {
  /** Base of the REST API, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly databaseUrl: string;
  close(): Promise<void>;
}
