/**
 * A program that starts the embedded database of the folder in its first argument, prints its url and stays. On SIGINT it
 * asks the database once more, prints `answered`, stops it and ends.
 */
import pg from 'pg';
import { startEmbeddedPostgres } from '../../../src/standalone/embedded-postgres.ts';

const database = await startEmbeddedPostgres({ stateDir: process.argv[2] ?? '', durable: true });
process.on('SIGINT', async () => {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query('SELECT pg_sleep(0.2)');
  await client.end();
  process.stdout.write('answered\n');
  await database.stop();
  process.exit(0);
});
process.stdout.write(`${database.url}\n`);
