// npm run ssrf [-- --extism FOLDER] [--json]: the SSRF corpus over the broker and over peers, in the same world on loopback.
// Prints what passed and failed for each class; exits with 1 when the broker failed a row.
import { parseArgs } from 'node:util';
import { renderTable } from '../src/cli/render/table.ts';
import { CORPUS } from '../test/security/ssrf/corpus/index.ts';
import { extismFrom, LOOKUP_GUARD, NAIVE } from '../test/security/ssrf/peers.ts';
import { ROW_CLASSES } from '../test/security/ssrf/row.ts';
import { BROKER, judge, type Subject, scoreOf, type Verdict } from '../test/security/ssrf/subject.ts';
import { startWorld } from '../test/security/ssrf/world.ts';

const { values } = parseArgs({
  options: { extism: { type: 'string' }, json: { type: 'boolean' }, failures: { type: 'boolean' } },
});
const subjects: Subject[] = [BROKER, NAIVE, LOOKUP_GUARD];
if (values.extism !== undefined) subjects.push(await extismFrom(values.extism));

await using world = await startWorld();
const verdicts = new Map<Subject, Verdict[]>();
for (const subject of subjects) {
  const own: Verdict[] = [];
  for (const row of CORPUS) own.push(await judge(subject, row, world));
  verdicts.set(subject, own);
}

const scores = subjects.map((subject) => scoreOf(verdicts.get(subject) ?? []));
const cell = ([passed, all]: readonly [number, number] = [0, 0]) => `${passed} of ${all}`;
const total = (subject: Subject): readonly [number, number] => {
  const own = verdicts.get(subject) ?? [];
  return [own.filter(({ passed }) => passed).length, own.length];
};
if (values.json === true) {
  const facts = subjects.map((subject, index) => [
    subject.name,
    { total: total(subject), ...Object.fromEntries(scores[index] ?? []) },
  ]);
  console.log(JSON.stringify(Object.fromEntries(facts)));
} else {
  console.log(
    renderTable(
      ['class', ...subjects.map(({ name }) => name)],
      [
        ...ROW_CLASSES.map((name) => [name, ...scores.map((score) => cell(score.get(name)))]),
        ['all', ...subjects.map((subject) => cell(total(subject)))],
      ],
    ),
  );
}
for (const subject of values.failures === true ? subjects : [BROKER]) {
  for (const { row, answer, dialled, passed } of verdicts.get(subject) ?? []) {
    if (passed) continue;
    const expected = `expected ${row.expect} [${row.dialled.join(', ')}]`;
    console.log(
      `${subject.name}: ${row.class}: ${row.url}: ${expected}, got ${answer} [${dialled.join(', ')}]`,
    );
  }
}
const [passed, all] = total(BROKER);
process.exitCode = passed === all ? 0 : 1;
