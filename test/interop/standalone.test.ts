import { openEngineTarget } from './engine-target.ts';
import { describeInterop } from './suite.ts';

describeInterop('the standalone engine', openEngineTarget);

const { TASKER_MIGRATIONS: migrations } = process.env;
if (migrations === undefined) {
  process.stdout.write(
    "interop: not run over Tasker's own schema; set TASKER_MIGRATIONS to the folder of its migrations\n",
  );
} else {
  describeInterop("the standalone engine on Tasker's own schema", () => openEngineTarget({ migrations }));
}
