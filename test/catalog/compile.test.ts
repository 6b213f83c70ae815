import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { buildHandler, compileHandler, ensureBuilt, isStale } from '../../src/catalog/compile.ts';
import { appendCustomSection, readCustomSection } from '../../src/catalog/compile-section.ts';
import { SDK_FOLDER } from '../../src/catalog/compile-sources.ts';
import { describeModule } from '../../src/metering/index.ts';
import { compileSource, withFolder } from '../assemblyscript/compile-source.ts';
import { instantiateBare } from '../support/bare-guest.ts';

const ECHO = '@handler("echo")\nfunction echo(input: string): string { return input; }\n';
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('compileHandler', () => {
  it('gives the same bytes for the same sources, also when builds overlap', async () => {
    const builds = await Promise.all([compileSource(ECHO), compileSource(ECHO), compileSource(ECHO)]);
    expect(new Set(builds.map((build) => sha256(build.wasm))).size).toBe(1);
    expect(builds[0]?.name).toBe('echo');
  });

  it('compiles sources that import the SDK by a relative path to the same behaviour', async () => {
    await withFolder({}, async (folder) => {
      // A link keeps the import relative wherever the temporary folder is.
      const sdk = join(folder, 'assemblyscript');
      await symlink(SDK_FOLDER, sdk);
      const source = `import { Json } from "./assemblyscript";
        @json class Row { n: i32; }
        @handler("relative")
        function relative(row: Row): Row { row.n++; return row; }`;
      await writeFile(join(folder, 'handler.ts'), source);
      const { wasm } = await compileHandler(folder);
      expect(instantiateBare(new WebAssembly.Module(wasm), { input: '{"n":1}' }).output).toBe('{"n":2}');
      const mixed = `import { log } from "tasker-wasm-broker/assemblyscript";\n${source}`;
      await writeFile(join(folder, 'handler.ts'), mixed);
      await expect(compileHandler(folder)).rejects.toThrow('import the SDK by one path, got');
    });
  });

  it('adds names, a source map and the sections of manifest and sources', async () => {
    const { wasm, sourceMap } = await compileSource(ECHO);
    expect(WebAssembly.Module.customSections(new WebAssembly.Module(wasm), 'name')).toHaveLength(1);
    expect(JSON.parse(readCustomSection(wasm, 'tasker.manifest') ?? '')).toEqual({
      name: 'echo',
      abi: 'tasker-core/1',
      function: 'echo',
      input: 'string',
      output: 'string',
    });
    expect(JSON.parse(readCustomSection(wasm, 'tasker.source') ?? '')).toMatchObject({
      files: ['handler.ts'],
    });
    const map = JSON.parse(sourceMap ?? '') as { version: number; sources: string[] };
    expect(map.version).toBe(3);
    expect(map.sources).toContain('handler.ts');
  });

  it('starts with room for a usual step, and with more where the module itself needs it', async () => {
    const pagesOf = (wasm: Uint8Array) => describeModule(wasm).memories[0]?.minPages;
    expect(pagesOf((await compileSource(ECHO)).wasm)).toBe(4);
    const large = 'const table = memory.data(400_000);\nexport function at(): usize { return table; }\n';
    expect(pagesOf((await compileSource(large + ECHO)).wasm)).toBe(7);
  });

  it('names file, line and column of every error', async () => {
    const source =
      '@handler("bad")\nfunction bad(input: string): string {\n  let x: i32 = "5";\n  return y;\n}\n';
    await expect(compileSource(source)).rejects.toMatchObject({
      code: 'ERR_HANDLER_BUILD',
      message:
        "handler.ts:3:16: Type '~lib/string/String' is not assignable to type 'i32'.\n" +
        "handler.ts:4:10: Cannot find name 'y'.",
    });
    await expect(compileSource('import { x } from "./none";\n')).rejects.toThrow(
      "handler.ts:1:19: File 'none.ts' not found.",
    );
  });

  it('leaves imports that are not of the ABI for admission to refuse, and never adds one itself', async () => {
    const { wasm } = await compileSource(ECHO);
    for (const item of WebAssembly.Module.imports(new WebAssembly.Module(wasm))) {
      expect(`${item.module}.${item.name}`).toMatch(/^(tasker\.\w+|env\.abort)$/);
    }
  });

  it('says which file it expected', async () => {
    await expect(withFolder({}, (folder) => compileHandler(folder))).rejects.toMatchObject({
      code: 'ERR_HANDLER_BUILD',
      message: expect.stringMatching(
        /expected the source of a handler in .*handler\.ts, got no such file/,
      ) as string,
    });
  });

  it('takes the runtime from asconfig.json, and no other option', async () => {
    const build = (config: string) =>
      withFolder({ 'handler.ts': ECHO, 'asconfig.json': config }, (folder) => compileHandler(folder));
    const stub = await build('{"options":{"runtime":"stub"}}');
    const standard = await build('{}');
    expect(stub.wasm.length).toBeLessThan(standard.wasm.length);
    for (const config of [
      '{"options":{"transform":"./evil.mjs"}}',
      '{"extends":"x"}',
      '{"options":{"runtime":"x"}}',
      '{',
    ]) {
      await expect(build(config)).rejects.toMatchObject({ code: 'ERR_HANDLER_BUILD' });
    }
  });

  it('says how to install the compiler where it is missing', async () => {
    const script = `
      import { registerHooks } from 'node:module';
      registerHooks({ resolve: (name, context, next) => next(name.startsWith('assemblyscript') ? 'none-such' : name, context) });
      const { compileHandler } = await import(process.argv[1]);
      await compileHandler(process.argv[2]).catch((error) => console.log(error.code, error.message));`;
    const compile = new URL('../../src/catalog/compile.ts', import.meta.url).href;
    const { stdout } = await withFolder({ 'handler.ts': ECHO }, (folder) =>
      promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, compile, folder]),
    );
    expect(stdout.trim()).toBe(
      'ERR_MISSING_DEPENDENCY the AssemblyScript compiler is not installed; run: npm install --save-dev assemblyscript@0.28.20',
    );
  });
});

describe('buildHandler', () => {
  it('builds what is stale and only that', async () => {
    const files = {
      'handler.ts': `import { twice } from "./text";\n${ECHO.replace('input;', 'twice(input);')}`,
      'text.ts': 'export function twice(t: string): string { return t + t; }\n',
    };
    await withFolder(files, async (folder) => {
      expect(await isStale(folder)).toBe(true);
      expect(await ensureBuilt([folder])).toEqual([folder]);
      expect((await readdir(folder)).sort()).toEqual([
        'handler.ts',
        'handler.wasm',
        'handler.wasm.map',
        'text.ts',
      ]);
      expect(await ensureBuilt([folder])).toEqual([]);
      await writeFile(join(folder, 'text.ts'), `${files['text.ts']}// changed\n`);
      expect(await isStale(folder)).toBe(true);
      await writeFile(join(folder, 'text.ts'), files['text.ts']);
      expect(await isStale(folder)).toBe(false);
      await writeFile(join(folder, 'asconfig.json'), '{"options":{"runtime":"stub"}}');
      expect(await isStale(folder)).toBe(true);
    });
  });

  it('rebuilds a module that is broken or has no record of its sources', async () => {
    await withFolder({ 'handler.ts': ECHO }, async (folder) => {
      const { wasm } = await buildHandler(folder);
      expect(new Uint8Array(await readFile(join(folder, 'handler.wasm')))).toEqual(wasm);
      for (const broken of [
        wasm.subarray(0, 100),
        new Uint8Array(),
        Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0),
      ]) {
        await writeFile(join(folder, 'handler.wasm'), broken);
        expect(await isStale(folder)).toBe(true);
      }
    });
  });

  it('leaves the old module in place when the sources do not compile', async () => {
    await withFolder({ 'handler.ts': ECHO }, async (folder) => {
      const { wasm } = await buildHandler(folder);
      await writeFile(join(folder, 'handler.ts'), 'function (');
      await expect(buildHandler(folder)).rejects.toMatchObject({ code: 'ERR_HANDLER_BUILD' });
      expect(new Uint8Array(await readFile(join(folder, 'handler.wasm')))).toEqual(wasm);
    });
  });
});

describe('custom sections', () => {
  it('are read back, and absent from anything that is no module', () => {
    const module = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
    const text = 'é'.repeat(200);
    const extended = appendCustomSection(appendCustomSection(module, 'first', 'x'), 'second', text);
    expect(WebAssembly.validate(extended)).toBe(true);
    expect(readCustomSection(extended, 'second')).toBe(text);
    expect(readCustomSection(extended, 'third')).toBeNull();
    for (let length = 0; length < extended.length; length++) {
      expect(readCustomSection(extended.subarray(0, length), 'second')).toBeNull();
    }
    expect(readCustomSection(new Uint8Array(40).fill(0xff), 'x')).toBeNull();
  });
});
