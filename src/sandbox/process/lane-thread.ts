/** Entry of the thread in a child process that runs guests; started by URL and imported by nobody. */
import { workerData } from 'node:worker_threads';
import { loadRegexEngine } from '../abi/regex.ts';
import type { LaneTask } from '../protocol.ts';
import runLane from '../worker/entry.ts';
import { dropPermissions } from './drop-permissions.ts';

loadRegexEngine();
dropPermissions();
await runLane(workerData as LaneTask);
