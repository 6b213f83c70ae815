import { resolve } from 'node:path';
import { startVitest } from 'vitest/node';

/*
 * npm run interop -- URL: the interop suite against a Tasker server. URL is the base of its REST API; DATABASE_URL in
 * the environment is its database, where our broker works as the worker of namespace `wasm_interop`.
 */

const [url = '', ...rest] = process.argv.slice(2);
const { DATABASE_URL: databaseUrl = '' } = process.env;
if (!URL.canParse(url) || rest.length > 0)
  refuse('expected the base URL of a Tasker server, such as http://127.0.0.1:8080');
if (!URL.canParse(databaseUrl)) refuse("expected DATABASE_URL to be the URL of the server's database");
process.env['INTEROP_URL'] = url;

const root = resolve(import.meta.dirname, '..');
const vitest = await startVitest('test', [], {
  root,
  config: resolve(root, 'test/interop/vitest.config.ts'),
  watch: false,
});
await vitest.close();

function refuse(message: string): never {
  process.stderr.write(`npm run interop -- URL: ${message}\n`);
  process.exit(2);
}
