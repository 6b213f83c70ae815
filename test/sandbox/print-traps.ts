/** Runs the handler in a folder with each of the given inputs and prints how it ended: for processes with different compilers. */
import { loadHandler } from '../../src/catalog/load.ts';
import { createSandbox } from '../../src/sandbox/sandbox.ts';

const [folder = '', ...inputs] = process.argv.slice(2);
const sandbox = createSandbox({ lanes: 1 });
const { artifact } = await loadHandler(folder, sandbox.admit);
for (const input of inputs) {
  const outcome = await sandbox.execute(artifact, { input });
  console.log('message' in outcome ? outcome.message : outcome.kind);
}
await sandbox.close();
