// Run by admission.test.ts in a process that may have few files open: what admission answers when there are none left.
import { closeSync, openSync } from 'node:fs';
import { Admission } from '../../../src/catalog/admission/admission.ts';
import { DEFAULT_LIMITS } from '../../../src/model/limits.ts';
import { ECHO } from '../../guests/wat.ts';

const admission = new Admission(DEFAULT_LIMITS);
const open: number[] = [];
try {
  for (;;) open.push(openSync('/dev/null', 'r'));
} catch (error) {
  console.log((error as NodeJS.ErrnoException).code);
}
const answerOf = () =>
  admission.prepare(ECHO).then(
    () => 'prepared',
    ({ code }: { code: string }) => code,
  );
console.log(await answerOf());
for (const fd of open) closeSync(fd);
console.log(await answerOf());
admission.close();
