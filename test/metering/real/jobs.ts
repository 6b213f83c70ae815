import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Something that a package from npm does with its WebAssembly module, as text. */
export interface Job {
  readonly name: string;
  /** Language and toolchain of the module. */
  readonly from: string;
  run(packages: Packages): Promise<string> | string;
}

// biome-ignore lint/suspicious/noExplicitAny: twenty packages without types of their own
type Loose = any;

/** The packages installed in a folder. */
export class Packages {
  readonly #require: NodeJS.Require;

  constructor(folder: string) {
    this.#require = createRequire(join(folder, 'package.json'));
  }

  require(name: string): Loose {
    return this.#require(name);
  }

  async import(name: string): Promise<Loose> {
    return import(this.#require.resolve(name));
  }

  file(name: string): Buffer {
    return readFileSync(this.#require.resolve(name));
  }
}

const TEXT = 'The quick brown fox jumps over the lazy dog. '.repeat(200);

export const JOBS: readonly Job[] = [
  { name: 'source-map', from: 'Rust', run: sourceMap },
  { name: 'tiktoken', from: 'Rust, wasm-bindgen', run: tiktoken },
  { name: 'brotli-wasm', from: 'Rust, wasm-bindgen', run: brotli },
  { name: 'lz4-wasm-nodejs', from: 'Rust, wasm-bindgen', run: lz4 },
  { name: 'lightningcss-wasm', from: 'Rust, wasm-bindgen', run: lightningcss },
  { name: '@resvg/resvg-wasm', from: 'Rust, wasm-bindgen', run: resvg },
  { name: 'hash-wasm', from: 'C, clang', run: hashes },
  { name: 'es-module-lexer', from: 'C, clang', run: moduleLexer },
  { name: 'undici', from: 'C, clang (llhttp)', run: llhttp },
  { name: 'xxhash-wasm', from: 'AssemblyScript', run: xxhash },
  { name: 'sql.js', from: 'C, Emscripten', run: sqlite },
  { name: 'quickjs-emscripten', from: 'C, Emscripten', run: quickjs },
  { name: 'vscode-oniguruma', from: 'C, Emscripten', run: oniguruma },
  { name: 'yoga-wasm-web', from: 'C++, Emscripten', run: yoga },
  { name: 'binaryen', from: 'C++, Emscripten', run: binaryen },
  { name: 'wabt', from: 'C++, Emscripten', run: wabt },
  { name: 'esbuild-wasm', from: 'Go', run: esbuild },
];

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex').slice(0, 64);

async function sourceMap(packages: Packages): Promise<string> {
  const { SourceMapConsumer } = packages.require('source-map');
  const map = {
    version: 3,
    sources: ['a.ts'],
    names: ['x'],
    mappings: 'AAAA,IAAMA,CAAC,GAAG,CAAC;AACX',
    file: 'a.js',
  };
  const consumer = await new SourceMapConsumer(map);
  return JSON.stringify(consumer.originalPositionFor({ line: 1, column: 5 }));
}

function tiktoken(packages: Packages): string {
  const encoding = packages.require('tiktoken').get_encoding('cl100k_base');
  return encoding.encode(TEXT).join().slice(0, 200);
}

async function brotli(packages: Packages): Promise<string> {
  const { compress, decompress } = packages.require('brotli-wasm');
  const packed = compress(Buffer.from(TEXT));
  return `${packed.length} ${Buffer.from(decompress(packed)).equals(Buffer.from(TEXT))}`;
}

function lz4(packages: Packages): string {
  const { compress, decompress } = packages.require('lz4-wasm-nodejs');
  const packed = compress(Buffer.from(TEXT));
  return `${packed.length} ${Buffer.from(decompress(packed)).equals(Buffer.from(TEXT))}`;
}

async function lightningcss(packages: Packages): Promise<string> {
  const { default: init, transform } = await packages.import('lightningcss-wasm');
  await (init.default ?? init)(packages.file('lightningcss-wasm/lightningcss_node.wasm'));
  const code = Buffer.from('a { color: rgb(255, 0, 0); margin: 0px 0px 0px 0px } b { display: flex }');
  return Buffer.from(transform({ filename: 'a.css', code, minify: true }).code).toString();
}

async function resvg(packages: Packages): Promise<string> {
  const { initWasm, Resvg } = packages.require('@resvg/resvg-wasm');
  await initWasm(packages.file('@resvg/resvg-wasm/index_bg.wasm'));
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><circle cx="20" cy="20" r="15" fill="red"/></svg>';
  return hex(new Resvg(svg).render().asPng().slice(-64));
}

async function hashes(packages: Packages): Promise<string> {
  const { sha256, blake3, argon2id, crc32 } = packages.require('hash-wasm');
  const salt = new Uint8Array(16);
  const slow = {
    password: 'p',
    salt,
    parallelism: 1,
    iterations: 2,
    memorySize: 64,
    hashLength: 16,
    outputType: 'hex',
  };
  return [await sha256(TEXT), await blake3(TEXT), await crc32(TEXT), await argon2id(slow)].join(' ');
}

async function moduleLexer(packages: Packages): Promise<string> {
  const { init, parse } = await packages.import('es-module-lexer');
  await init;
  return JSON.stringify(parse('import a from "b"; export const c = 1; await import("d")'));
}

/** The HTTP parser: one request line and its headers, as undici would feed them. */
function llhttp(packages: Packages): string {
  const source = packages.require('undici/lib/llhttp/llhttp-wasm.js');
  const bytes = Buffer.isBuffer(source) ? source : Buffer.from(source, 'base64');
  const seen: string[] = [];
  let memory: WebAssembly.Memory;
  const text = (at: number, length: number): number => {
    seen.push(Buffer.from(memory.buffer, at, length).toString());
    return 0;
  };
  const note = (name: string) => (): number => {
    seen.push(name);
    return 0;
  };
  const env = {
    wasm_on_url: (_: number, at: number, length: number) => text(at, length),
    wasm_on_status: (_: number, at: number, length: number) => text(at, length),
    wasm_on_header_field: (_: number, at: number, length: number) => text(at, length),
    wasm_on_header_value: (_: number, at: number, length: number) => text(at, length),
    wasm_on_body: (_: number, at: number, length: number) => text(at, length),
    wasm_on_message_begin: note('begin'),
    wasm_on_headers_complete: note('headers'),
    wasm_on_message_complete: note('complete'),
  };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes)), { env });
  const llhttp = exports as Record<string, Loose>;
  memory = llhttp.memory;
  const message = Buffer.from(
    'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello',
  );
  const parser = llhttp.llhttp_alloc(2);
  const at = llhttp.malloc(message.length);
  new Uint8Array(memory.buffer).set(message, at);
  return `${llhttp.llhttp_execute(parser, at, message.length)} ${seen.join('|')}`;
}

async function xxhash(packages: Packages): Promise<string> {
  const { h32ToString, h64ToString } = await packages.require('xxhash-wasm')();
  return `${h32ToString(TEXT)} ${h64ToString(TEXT)}`;
}

async function sqlite(packages: Packages): Promise<string> {
  const { Database } = await packages.require('sql.js')();
  const db = new Database();
  db.run('create table t (a int, b text)');
  for (let index = 0; index < 200; index++)
    db.run('insert into t values (?, ?)', [index, `row ${index % 7}`]);
  return JSON.stringify(db.exec('select b, count(*), sum(a) from t group by b order by b'));
}

async function quickjs(packages: Packages): Promise<string> {
  const engine = await packages.require('quickjs-emscripten').getQuickJS();
  return JSON.stringify(
    engine.evalCode('[...Array(50).keys()].map(n => n ** 2).filter(n => n % 3 == 1).join()'),
  );
}

async function oniguruma(packages: Packages): Promise<string> {
  const onig = packages.require('vscode-oniguruma');
  await onig.loadWASM({ data: packages.file('vscode-oniguruma/release/onig.wasm') });
  const scanner = new onig.OnigScanner(['\\bfox\\b', '(?<=lazy )dog']);
  return JSON.stringify(scanner.findNextMatchSync(TEXT, 20));
}

async function yoga(packages: Packages): Promise<string> {
  const { default: init } = await packages.import('yoga-wasm-web');
  const yogaModule = await init(packages.file('yoga-wasm-web/dist/yoga.wasm'));
  const [root, child] = [yogaModule.Node.create(), yogaModule.Node.create()];
  root.setWidth(100);
  root.setHeight(50);
  child.setFlexGrow(1);
  root.insertChild(child, 0);
  root.calculateLayout(undefined, undefined, 1);
  return JSON.stringify(child.getComputedLayout());
}

async function binaryen(packages: Packages): Promise<string> {
  const { default: b } = await packages.import('binaryen');
  const module = b.parseText(
    '(module (func (export "f") (result i32) (i32.add (i32.const 1) (i32.const 2))))',
  );
  module.optimize();
  return module.emitText();
}

async function wabt(packages: Packages): Promise<string> {
  const tools = await packages.require('wabt')();
  return hex(
    tools.parseWat('a.wat', '(module (func (export "f") (result i32) (i32.const 42)))').toBinary({}).buffer,
  );
}

/** Go's runtime with its own glue: the command line, which prints its version through `fs.writeSync`. */
async function esbuild(packages: Packages): Promise<string> {
  const output: string[] = [];
  const writeSync = (_: number, chunk: Uint8Array): number => {
    output.push(Buffer.from(chunk).toString());
    return chunk.length;
  };
  Object.assign(globalThis, { fs: { ...(await import('node:fs')), writeSync } });
  new Function(packages.file('esbuild-wasm/wasm_exec.js').toString())();
  const go = new (globalThis as Loose).Go();
  go.argv = ['esbuild', '--version'];
  const module = new WebAssembly.Module(new Uint8Array(packages.file('esbuild-wasm/esbuild.wasm')));
  await go.run(new WebAssembly.Instance(module, go.importObject));
  return output.join('');
}
