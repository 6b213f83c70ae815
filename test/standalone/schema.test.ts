import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installSchema, SCHEMA_VERSION } from '../../src/standalone/schema/install.ts';
import { sessionConfig } from '../../src/standalone/session.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

describe('the standalone schema', () => {
  let database: TestDatabase;
  let client: pg.Client;

  beforeAll(async () => {
    database = await createTestDatabase();
    client = new pg.Client(sessionConfig(database.url));
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  it('can be installed again without changing anything', async () => {
    const before = await client.query('SELECT * FROM tasker_standalone.schema_version');
    await installSchema(client);
    const after = await client.query('SELECT * FROM tasker_standalone.schema_version');
    expect(after.rows).toEqual(before.rows);
    expect(after.rows.at(-1)?.version).toBe(SCHEMA_VERSION);
  });
});
