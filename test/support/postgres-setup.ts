import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { messageOf } from '../../src/errors.ts';
import { startEmbeddedPostgres } from '../../src/standalone/embedded-postgres.ts';
import { installSchema } from '../../src/standalone/schema/install.ts';
import { BROKER_ROLE } from './broker-role.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The test server, or why there is none on this machine. */
    postgres: { readonly url: string; readonly brokerPassword: string } | { readonly unavailable: string };
  }
}

/**
 * vitest `globalSetup`: one throw-away server for the whole run. Its database `tasker` has the schema installed, and
 * nobody connects to it afterwards, so that `createTestDatabase` can clone it.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stateDir = await mkdtemp(join(tmpdir(), 'tasker-test-postgres-'));
  // Root may have to run the server as another account, which must be able to pass.
  await chmod(stateDir, 0o711);
  const removeFolder = (): Promise<void> => rm(stateDir, { recursive: true, force: true });
  try {
    const server = await startEmbeddedPostgres({ stateDir, durable: false });
    await installSchema(server.url);
    const brokerPassword = await createBrokerRole(server.url);
    project.provide('postgres', { url: server.url, brokerPassword });
    return async () => {
      await server.stop();
      await removeFolder();
    };
  } catch (error) {
    // Tests without a database can still run; those with one fail with this message.
    project.provide('postgres', { unavailable: messageOf(error) });
    return removeFolder;
  }
}

/** Roles belong to the whole server; made once, so that databases that are prepared side by side find it there. */
async function createBrokerRole(url: string): Promise<string> {
  const password = randomBytes(16).toString('hex');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE ROLE ${BROKER_ROLE} LOGIN PASSWORD '${password}'`);
  await client.end();
  return password;
}
