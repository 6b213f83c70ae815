import { type ConstantScope, checkIndex, noteGlobal, skipConstantExpression } from './constant-expression.ts';
import { MeteringError } from './errors.ts';
import { checkLimit } from './limits.ts';
import type { Reader } from './reader.ts';
import { SECTION } from './sections.ts';
import type { ImportKind, ModuleBuilder } from './skeleton.ts';
import { readFunctionType, readGlobalType, readLimits, readReferenceType, readTableType } from './types.ts';

type SectionReader = (reader: Reader, module: ModuleBuilder) => void;

/** Reads the payload of each known section into the skeleton. */
export const SECTION_READERS: Readonly<Record<number, SectionReader>> = Object.freeze({
  [SECTION.type]: readTypes,
  [SECTION.import]: readImports,
  [SECTION.function]: readFunctions,
  [SECTION.table]: readTables,
  [SECTION.memory]: readMemories,
  [SECTION.global]: readGlobals,
  [SECTION.tag]: readTags,
  [SECTION.export]: readExports,
  [SECTION.start]: readStart,
  [SECTION.element]: readElements,
  [SECTION.dataCount]: readDataCount,
  [SECTION.code]: readCode,
  [SECTION.data]: readData,
});

const KINDS: readonly ImportKind[] = ['function', 'table', 'memory', 'global', 'tag'];

/** Page counts beyond these do not exist with 32-bit and 64-bit addresses. */
const [MAX_PAGES, MAX_WIDE_PAGES] = [65_536, 2 ** 48];

function readTypes(reader: Reader, module: ModuleBuilder): void {
  const count = reader.count(2);
  checkLimit(module.limits, 'types', count, reader.position);
  for (let index = 0; index < count; index++) module.types.push(readFunctionType(reader, module.limits));
}

function readImports(reader: Reader, module: ModuleBuilder): void {
  const count = reader.count(4);
  checkLimit(module.limits, 'imports', count, reader.position);
  for (let index = 0; index < count; index++) {
    const moduleName = reader.name();
    const name = reader.name();
    const kind = readKind(reader);
    module.imports.push({ module: moduleName, name, kind, index: module.imported[kind]++ });
    readImportType(reader, kind, module);
  }
}

function readImportType(reader: Reader, kind: ImportKind, module: ModuleBuilder): void {
  if (kind === 'function') addFunction(reader, module);
  else if (kind === 'table') addTable(reader, module);
  else if (kind === 'memory') addMemory(reader, module);
  else if (kind === 'global') addGlobal(reader, module);
  else addTag(reader, module);
}

function readKind(reader: Reader): ImportKind {
  const offset = reader.position;
  const byte = reader.byte();
  const kind = KINDS[byte];
  if (kind !== undefined) return kind;
  throw new MeteringError('malformed-type', `expected an import or export kind, got ${byte}`, offset);
}

function readFunctions(reader: Reader, module: ModuleBuilder): void {
  const count = reader.count(1);
  checkLimit(module.limits, 'functions', module.functions.length + count, reader.position);
  for (let index = 0; index < count; index++) addFunction(reader, module);
}

function addFunction(reader: Reader, module: ModuleBuilder): void {
  module.functions.push(checkIndex(reader, reader.u32(), module.types.length, 'type'));
  checkLimit(module.limits, 'functions', module.functions.length, reader.position);
}

function readTables(reader: Reader, module: ModuleBuilder): void {
  const count = reader.count(3);
  for (let index = 0; index < count; index++) addTable(reader, module);
}

function addTable(reader: Reader, module: ModuleBuilder): void {
  module.tables.push(readTableType(reader));
  checkLimit(module.limits, 'tables', module.tables.length, reader.position);
}

function readMemories(reader: Reader, module: ModuleBuilder): void {
  const count = reader.count(2);
  for (let index = 0; index < count; index++) addMemory(reader, module);
}

function addMemory(reader: Reader, module: ModuleBuilder): void {
  const memory = readLimits(reader);
  const most = memory.wide ? MAX_WIDE_PAGES : MAX_PAGES;
  if (memory.min > most || (memory.max ?? 0) > most) {
    throw new MeteringError('malformed-type', `a memory has at most ${most} pages`, memory.start);
  }
  module.memories.push(memory);
  checkLimit(module.limits, 'memories', module.memories.length, reader.position);
}

function readGlobals(reader: Reader, module: ModuleBuilder): void {
  const count = reader.count(4);
  checkLimit(module.limits, 'globals', module.globals.length + count, reader.position);
  for (let index = 0; index < count; index++) {
    // A global may read those before it only, so the new one is not in scope yet.
    const scope = scopeOf(module);
    addGlobal(reader, module);
    skipConstantExpression(reader, scope);
  }
}

function addGlobal(reader: Reader, module: ModuleBuilder): void {
  module.globals.push(readGlobalType(reader));
  checkLimit(module.limits, 'globals', module.globals.length, reader.position);
}

function readTags(reader: Reader, module: ModuleBuilder): void {
  const count = reader.count(2);
  for (let index = 0; index < count; index++) addTag(reader, module);
}

function addTag(reader: Reader, module: ModuleBuilder): void {
  if (reader.byte() !== 0) throw reader.malformed('malformed-type', 'expected the attribute of an exception');
  module.tags.push(checkIndex(reader, reader.u32(), module.types.length, 'type'));
  checkLimit(module.limits, 'tags', module.tags.length, reader.position);
}

/** What a constant expression at this place may refer to. */
function scopeOf({ globals, functions, referenced, globalReferences }: ModuleBuilder): ConstantScope {
  return { globals: globals.length, functions: functions.length, referenced, globalReferences };
}

function readExports(reader: Reader, module: ModuleBuilder): void {
  const count = reader.count(3);
  checkLimit(module.limits, 'exports', count, reader.position);
  const names = new Set<string>();
  const spaces = {
    function: module.functions.length,
    table: module.tables.length,
    memory: module.memories.length,
    global: module.globals.length,
    tag: module.tags.length,
  };
  for (let entry = 0; entry < count; entry++) {
    const start = reader.position;
    const name = reader.name();
    if (names.has(name)) throw new MeteringError('malformed-export', 'two exports have one name', start);
    names.add(name);
    const kind = readKind(reader);
    const index =
      kind === 'global'
        ? noteGlobal(reader, spaces.global, module.globalReferences)
        : checkIndex(reader, reader.u32(), spaces[kind], kind);
    if (kind === 'function') module.referenced.add(index);
    module.exports.push({ name, kind, index, start, end: reader.position });
  }
}

function readStart(reader: Reader, module: ModuleBuilder): void {
  const index = checkIndex(reader, reader.u32(), module.functions.length, 'function');
  const type = module.types[module.functions[index] ?? 0];
  // The engine checks this of a start function, and no longer once it is an export.
  if (type === undefined || type.params.length > 0 || type.results.length > 0) {
    throw reader.malformed('malformed-section', 'the start function must have no parameters and no results');
  }
  module.start = index;
}

function readElements(reader: Reader, module: ModuleBuilder): void {
  const count = reader.count(2);
  checkLimit(module.limits, 'elementSegments', count, reader.position);
  for (let index = 0; index < count; index++) readElementSegment(reader, module);
  module.elementSegments = count;
}

/** An element segment. Bit 0: not active; bit 1: explicit table, or declarative; bit 2: expressions for indices. */
function readElementSegment(reader: Reader, module: ModuleBuilder): void {
  const flags = reader.u32();
  if (flags > 7) throw reader.malformed('malformed-section', `unknown kind of element segment ${flags}`);
  const scope = scopeOf(module);
  const expressions = (flags & 4) !== 0;
  if ((flags & 1) === 0) {
    const table = (flags & 2) !== 0 ? reader.u32() : 0;
    checkIndex(reader, table, module.tables.length, 'table');
    skipConstantExpression(reader, scope);
  }
  if ((flags & 3) !== 0) readElementKind(reader, expressions);
  const items = reader.count(1);
  module.elementItems += items;
  checkLimit(module.limits, 'elementItems', module.elementItems, reader.position);
  for (let item = 0; item < items; item++) {
    if (expressions) skipConstantExpression(reader, scope);
    else noteFunction(module, checkIndex(reader, reader.u32(), scope.functions, 'function'));
  }
  if ((flags & 1) === 0) module.activeItems += items;
}

/** Only the start function matters, and it is known by now: a set of a million would be slow. */
function noteFunction(module: ModuleBuilder, index: number): void {
  if (index === module.start) module.referenced.add(index);
}

function readElementKind(reader: Reader, expressions: boolean): void {
  if (expressions) readReferenceType(reader);
  else if (reader.byte() !== 0) throw reader.malformed('malformed-type', 'expected the element kind funcref');
}

function readDataCount(reader: Reader, module: ModuleBuilder): void {
  module.dataCount = reader.u32();
}

function readCode(reader: Reader, module: ModuleBuilder): void {
  const count = reader.count(3);
  for (let index = 0; index < count; index++) {
    const size = reader.u32();
    const start = reader.position;
    checkLimit(module.limits, 'functionBodyBytes', size, start);
    reader.skip(size);
    module.bodies.push({ start, end: reader.position });
  }
}

function readData(reader: Reader, module: ModuleBuilder): void {
  const count = reader.count(2);
  checkLimit(module.limits, 'dataSegments', count, reader.position);
  const scope = scopeOf(module);
  for (let index = 0; index < count; index++) {
    const flags = reader.u32();
    if (flags > 2) throw reader.malformed('malformed-section', `unknown kind of data segment ${flags}`);
    if (flags !== 1) {
      checkIndex(reader, flags === 2 ? reader.u32() : 0, module.memories.length, 'memory');
      skipConstantExpression(reader, scope);
    }
    const size = reader.count(1);
    reader.skip(size);
    module.dataBytes += size;
    if (flags !== 1) module.activeBytes += size;
    checkLimit(module.limits, 'dataBytes', module.dataBytes, reader.position);
  }
  module.dataSegments = count;
}
