import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrateBrokerSchema } from '../../src/tasker/broker-schema.ts';
import { createFixture, type Fixture } from './fixture.ts';

describe('schema wasm_broker', () => {
  let fixture: Fixture;

  beforeEach(async () => {
    fixture = await createFixture();
  });

  afterEach(() => fixture.close());

  it('is made once, however many brokers start together', async () => {
    await Promise.all(Array.from({ length: 4 }, () => migrateBrokerSchema(fixture.database)));
    expect(await fixture.query(`SELECT version FROM wasm_broker.schema_version`)).toEqual([
      { version: 1 },
      { version: 2 },
    ]);
    expect(await fixture.query(`SELECT * FROM wasm_broker.instances`)).toEqual([]);
  });

  it('is refused when a newer broker has migrated it', async () => {
    await migrateBrokerSchema(fixture.database);
    await fixture.query(`INSERT INTO wasm_broker.schema_version (version) VALUES (99)`);
    await expect(migrateBrokerSchema(fixture.database)).rejects.toMatchObject({
      code: 'ERR_DATABASE_FOREIGN',
      message: expect.stringContaining('has version 99, this broker knows 2'),
    });
  });

  it('is refused when somebody else made it', async () => {
    await fixture.query(`CREATE TABLE wasm_broker.something (id integer)`);
    await expect(migrateBrokerSchema(fixture.database)).rejects.toMatchObject({
      code: 'ERR_DATABASE_FOREIGN',
    });
  });
});
