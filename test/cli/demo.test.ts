import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmbeddedPostgres } from '../../src/standalone/index.ts';
import { startWasmBroker, wasmBroker } from '../support/wasm-broker.ts';
import { expectedReport } from './demo-oracle.ts';

const cwd = mkdtempSync(join(tmpdir(), 'broker-demo-'));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const STEPS = [
  'fetch_movies',
  'fetch_thresholds',
  'validate_movies',
  'transform_movies',
  'aggregate_by_genre',
  'choose_audience',
  'publish_report',
];

interface Report {
  readonly task: string;
  readonly status: string;
  readonly steps: readonly Readonly<Record<string, unknown>>[];
  readonly result_path: string;
}

const reportOf = (stdout: string): Report => JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Report;

/** What the demo's database says afterwards, read from a server of our own on its state folder. */
async function rows(
  sql: string,
  values: readonly unknown[],
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const server = await startEmbeddedPostgres({ stateDir: join(cwd, '.tasker', 'postgres'), durable: true });
  const client = new pg.Client(server.url);
  try {
    await client.connect();
    return (await client.query(sql, [...values])).rows;
  } finally {
    await client.end();
    await server.stop();
  }
}

const COMPLETED_PER_STEP = `
  SELECT ns.name, count(*) FILTER (WHERE t.to_state = 'complete')::int AS completed, ws.attempts
    FROM tasker.workflow_steps ws JOIN tasker.named_steps ns USING (named_step_uuid)
    JOIN tasker.workflow_step_transitions t USING (workflow_step_uuid)
   WHERE ws.task_uuid = $1 GROUP BY ns.name, ws.attempts ORDER BY ns.name`;

describe('npm start', { timeout: 120_000 }, () => {
  it('runs the workflow and its result equals a plain computation over the same data', async () => {
    const { code, stdout, stderr } = await wasmBroker(['demo', '--json'], { cwd });
    expect(stderr).not.toContain('ERR_');
    const report = reportOf(stdout);
    expect(code).toBe(0);
    expect(report.status).toBe('complete');
    expect(report.steps.map((step) => step['name'])).toEqual(STEPS);
    for (const step of report.steps) {
      expect(step).toEqual({
        name: expect.any(String),
        handler: expect.stringMatching(/^[a-z_]+@0\.1\.0$/),
        outcome: 'completed',
        attempts: 1,
        fuel: expect.any(Number),
        peak_memory_bytes: expect.any(Number),
        host_calls: expect.any(Number),
        wall_ms: expect.any(Number),
      });
      expect(step['fuel']).toBeGreaterThan(1000);
    }
    const result = JSON.parse(readFileSync(report.result_path, 'utf8')) as {
      aggregate: { groups: unknown };
      decision: unknown;
      notified: unknown;
    };
    const expected = expectedReport();
    expect(result.aggregate.groups).toEqual(expected.groups);
    expect(expected.groups.some((group) => group.gross > 2 ** 31)).toBe(true);
    expect(result.notified).toEqual([expected.audience]);
  });

  // On a busy machine one of them can be over before the other is claimed; one after the other they never overlap.
  it('runs two steps at the same time', { retry: 2 }, async () => {
    const { stdout } = await wasmBroker(['demo', '--json'], { cwd });
    const { task } = reportOf(stdout);
    const times = await rows(
      `SELECT ns.name, min(t.created_at) FILTER (WHERE t.to_state = 'in_progress') AS started,
              min(t.created_at) FILTER (WHERE t.to_state = 'enqueued_for_orchestration') AS reported
         FROM tasker.workflow_steps ws JOIN tasker.named_steps ns USING (named_step_uuid)
         JOIN tasker.workflow_step_transitions t USING (workflow_step_uuid)
        WHERE ws.task_uuid = $1 AND ns.name LIKE 'fetch_%' GROUP BY ns.name ORDER BY ns.name`,
      [task],
    );
    const [movies, thresholds] = times as { started: Date; reported: Date }[];
    expect(movies?.started.getTime()).toBeLessThan(thresholds?.reported.getTime() ?? 0);
    expect(thresholds?.started.getTime()).toBeLessThan(movies?.reported.getTime() ?? 0);
  });

  it('killed in the middle and started again, finishes the same task; nothing is lost or written twice', async () => {
    const first = startWasmBroker(['demo'], { cwd });
    await first.until(/validate_movies: runs/);
    first.child.kill('SIGKILL');
    const { stdout } = await first.ended;
    const task = /task ([0-9a-f-]{36}): submitted/.exec(stdout)?.[1];

    const second = await wasmBroker(['demo', '--json'], { cwd });
    const report = reportOf(second.stdout);
    expect(report).toMatchObject({ task, status: 'complete' });
    expect(second.code).toBe(0);
    const perStep = await rows(COMPLETED_PER_STEP, [task]);
    expect(perStep.map(({ name }) => name)).toEqual([...STEPS].sort());
    expect(perStep.every(({ completed }) => completed === 1)).toBe(true);
    expect(perStep.find(({ name }) => name === 'validate_movies')?.['attempts']).toBe(2);
    expect(JSON.parse(readFileSync(report.result_path, 'utf8'))).toMatchObject({
      aggregate: { groups: expectedReport().groups },
    });
  });

  it('says so when another one is running, and tells a person what happened', async () => {
    const first = startWasmBroker(['demo'], { cwd });
    await first.until(/PostgreSQL 18 on 127\.0\.0\.1/);
    const second = await wasmBroker(['demo'], { cwd });
    expect(second.code).toBe(2);
    expect(second.stderr).toMatch(/^ERR_ALREADY_RUNNING: /);
    const { code, stdout } = await first.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^step\s+handler\s+outcome\s+attempts\s+fuel\s+peak memory\s+host calls\s+time$/m);
    expect(stdout).toMatch(/task complete; result in .*\.json\n$/);
    expect(stdout).not.toContain('\u001b[');
  });
});
