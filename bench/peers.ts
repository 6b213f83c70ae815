// Other sandboxes on the same task: an echo of 1 KB whose input and output are checked to be JSON within a limit and
// hashed, as a receipt does. Every subject in this thread but node:vm, which has its worker. CPU time of the process.
import { hash } from 'node:crypto';
import { ECHO } from '../test/guests/wat.ts';
import { ECHO_FRESH } from './guests.ts';
import { inThread } from './in-thread.ts';
import { type Cost, measure, report, type Subject } from './measure.ts';
import { extism } from './peers/extism.ts';
import { isolatedVm } from './peers/isolated-vm.ts';
import { nodeVm } from './peers/node-vm.ts';
import { type Peer, versionOf } from './peers/peer.ts';
import { quickjs } from './peers/quickjs.ts';

const short = process.argv.includes('--short');
const INPUT = JSON.stringify({ payload: 'x'.repeat(1010) });
const BYTES_MAX = 2 * 1024 * 1024;
const encoder = new TextEncoder();

const ours = (name: string, wasm: Uint8Array): Peer => {
  const run = inThread(wasm);
  const config = encoder.encode('{}');
  return { name, fresh: true, run: (input) => run(encoder.encode(input), config) };
};
const peers = [
  ours('ours', ECHO),
  ours('ours_fresh_instance', ECHO_FRESH),
  ...(await extism()),
  ...(await quickjs()),
  ...(await isolatedVm()),
  ...(await nodeVm()),
];

function checked(document: string): string {
  if (Buffer.byteLength(document) > BYTES_MAX) throw new RangeError('document too large');
  JSON.parse(document);
  return hash('sha256', document, 'hex');
}

const subjectOf = ({ run }: Peer): Subject => {
  return async (times) => {
    for (let n = 0; n < times; n += 1) {
      const before = checked(INPUT);
      const given = run(INPUT);
      if (checked(typeof given === 'string' ? given : await given) !== before)
        throw new Error('the echo differs');
    }
  };
};
const subjects = Object.fromEntries(peers.map((peer) => [peer.name, subjectOf(peer)]));
const cost = await measure(subjects, short ? { rounds: 5, sliceMs: 20 } : { rounds: 21, sliceMs: 60 });
for (const { name, fresh } of peers) {
  const { medianUs, lowUs, highUs } = cost[name] as Cost;
  const spread = `middle half ${lowUs.toFixed(1)}–${highUs.toFixed(1)}`;
  console.log(
    `${name.padEnd(20)} ${medianUs.toFixed(1).padStart(8)} µs   ${spread}${fresh ? '' : '   keeps state'}`,
  );
}
for (const name of ['@extism/extism', 'quickjs-emscripten', 'isolated-vm'])
  console.log(`${name} ${versionOf(name)}`);
await Promise.all(peers.map((peer) => peer.close?.()));

/** Against the fastest form of a peer that gives fresh state. */
const versus = (prefix: string, subject = 'ours') => {
  const forms = peers.filter(({ name, fresh }) => fresh && name.startsWith(prefix));
  return (
    Math.min(...forms.map(({ name }) => cost[name]?.medianUs ?? Number.NaN)) /
    (cost[subject]?.medianUs ?? Number.NaN)
  );
};
report(
  'peers',
  {
    vs_extism: versus('extism'),
    vs_quickjs: versus('quickjs'),
    vs_isolated_vm: versus('isolated_vm'),
    vs_node_vm: versus('node_vm'),
    ours_us: cost['ours']?.medianUs ?? Number.NaN,
    fresh_instance_vs_extism: versus('extism', 'ours_fresh_instance'),
    fresh_instance_us: cost['ours_fresh_instance']?.medianUs ?? Number.NaN,
  },
  {
    vs_extism: ['>=', 3],
    vs_quickjs: ['>=', 1],
    vs_isolated_vm: ['>=', 1],
    vs_node_vm: ['>=', 1],
  },
);
