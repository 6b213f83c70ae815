import { wat } from '../../test/guests/wat.ts';
import { fromPeers, type Peer } from './peer.ts';

interface Plugin {
  call(name: string, input: string): Promise<{ text(): string } | null>;
  /** Frees the blocks of its calls; without it 32,767 of them are all there can be. */
  reset(): Promise<boolean>;
  close(): Promise<void>;
}
interface Extism {
  createPlugin(module: WebAssembly.Module, options: object): Promise<Plugin>;
}

/** The echo as an Extism plugin: its own memory is not needed, the kernel's blocks hold input and output. */
const ECHO = wat(`(module
  (import "extism:host/env" "input_offset" (func $input_offset (result i64)))
  (import "extism:host/env" "input_length" (func $input_length (result i64)))
  (import "extism:host/env" "load_u64" (func $load (param i64) (result i64)))
  (import "extism:host/env" "load_u8" (func $load8 (param i64) (result i32)))
  (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
  (import "extism:host/env" "store_u8" (func $store8 (param i64 i32)))
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
  (func (export "handle") (result i32) (local $length i64) (local $to i64) (local $at i64) (local $from i64)
    (local.set $length (call $input_length)) (local.set $from (call $input_offset))
    (local.set $to (call $alloc (local.get $length)))
    (block $done (loop $next
      (br_if $done (i64.gt_u (i64.add (local.get $at) (i64.const 8)) (local.get $length)))
      (call $store (i64.add (local.get $to) (local.get $at))
        (call $load (i64.add (local.get $from) (local.get $at))))
      (local.set $at (i64.add (local.get $at) (i64.const 8))) (br $next)))
    (block $end (loop $rest
      (br_if $end (i64.ge_u (local.get $at) (local.get $length)))
      (call $store8 (i64.add (local.get $to) (local.get $at))
        (call $load8 (i64.add (local.get $from) (local.get $at))))
      (local.set $at (i64.add (local.get $at) (i64.const 1))) (br $rest)))
    (call $output_set (local.get $to) (local.get $length)) (i32.const 0)))`);

/** Extism's JavaScript SDK, a fresh plugin for every call from a module compiled once, and one kept for all. */
export async function extism(): Promise<readonly Peer[]> {
  const { createPlugin } = await fromPeers<Extism>('@extism/extism');
  const module = new WebAssembly.Module(ECHO.slice());
  const options = { useWasi: false, runInWorker: false };
  const call = async (plugin: Plugin, input: string) => (await plugin.call('handle', input))?.text() ?? '';
  const kept = await createPlugin(module, options);
  return [
    {
      name: 'extism_fresh',
      fresh: true,
      run: async (input) => {
        const plugin = await createPlugin(module, options);
        const output = await call(plugin, input);
        await plugin.close();
        return output;
      },
    },
    {
      name: 'extism_kept',
      fresh: false,
      run: async (input) => {
        const output = await call(kept, input);
        await kept.reset();
        return output;
      },
      close: () => kept.close(),
    },
  ];
}
