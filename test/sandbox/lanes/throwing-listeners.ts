// Run by lost-lane.test.ts: listeners that throw, in a process where that may be uncaught.
import { createSandbox } from '../../../src/sandbox/sandbox.ts';
import { ECHO } from '../../guests/wat.ts';

process.on('uncaughtException', ({ message }) => console.log(message));
const fail = (what: string) => () => {
  throw new Error(what);
};
const sandbox = createSandbox({ onLaneReady: fail('ready'), onLaneLost: fail('lost') });
const echo = await sandbox.admit(ECHO);
await sandbox.execute(echo, { input: '1' });
sandbox.killLane('thread', 'for the test');
console.log((await sandbox.execute(echo, { input: '2' })).kind);
await sandbox.close();
