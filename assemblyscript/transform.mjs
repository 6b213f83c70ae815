/**
 * Compiler transform for asc: gives meaning to `@handler` and `@json`.
 *
 * `@handler("name") function f(input: T, config?: C): R` becomes the module's entry `tk_handle`, and a custom section
 * `tasker.manifest` says which handler the module claims to be. `@json class C` gets a strict decoder and an encoder.
 */
import { posix } from 'node:path';
import { CommonFlags, DiagnosticCategory, DiagnosticCode, LiteralKind, NodeKind, SourceKind } from 'assemblyscript';
import { Transform } from 'assemblyscript/transform';
import { entryText, JSON_IMPORTS, jsonClassText } from './transform-text.mjs';

const ABI = 'tasker-core/1';
const SDK_PACKAGE = 'tasker-wasm-broker/assemblyscript';
const LIBRARY = '~lib/';
/** A file of the SDK that every import of it reaches: where it was parsed from tells how to import the SDK. */
const SDK_FILE = /^(.*\bassemblyscript)\/failure\.ts$/;
const HANDLER_NAME = /^[a-z][a-z0-9_]{0,63}$/;

export default class HandlerTransform extends Transform {
  manifest = null;

  afterParse(parser) {
    this.parser = parser;
    this.sdkFolders = parser.sources.flatMap((source) => SDK_FILE.exec(source.normalizedPath)?.[1] ?? []);
    const sources = [...parser.sources];
    if (this.sdkFolders.length > 1) {
      const entry = sources.find(isUserEntry);
      return this.reject(entry.range, `import the SDK by one path, got ${this.sdkFolders.join(' and ')}`);
    }
    for (const source of sources) this.completeJsonClasses(source);
    this.completeHandler(sources);
  }

  afterCompile(module) {
    if (this.manifest === null) return;
    module.addCustomSection('tasker.manifest', new TextEncoder().encode(JSON.stringify(this.manifest)));
  }

  /** Adds `__taskerDecode` and `__taskerEncode` to every class with `@json` in a file. */
  completeJsonClasses(source) {
    const classes = findDecorated(source, NodeKind.ClassDeclaration, 'json').map((found) => found.declaration);
    for (const declaration of classes) {
      const problem = jsonClassProblem(declaration);
      if (problem !== null) return this.reject(problem.range, problem.message);
    }
    if (classes.length === 0) return;
    const texts = classes.map((declaration) => jsonClassText(declaration.name.text, jsonFields(declaration)));
    const generated = this.parseInto(source, 'json', [JSON_IMPORTS, ...texts].join('\n'), 'typed/fields');
    for (const [index, declaration] of classes.entries()) {
      declaration.members.push(...generated.classes[index].members);
    }
  }

  /** Adds the entry around the one function with `@handler`. */
  completeHandler(sources) {
    const entries = sources.filter(isUserEntry);
    const found = entries.flatMap((source) => findDecorated(source, NodeKind.FunctionDeclaration, 'handler'));
    const [handler, second] = found;
    if (handler === undefined) {
      return this.reject(entries.at(-1)?.range, 'expected one function with @handler("name"), got none');
    }
    if (second !== undefined) {
      return this.reject(second.declaration.name.range, 'expected one function with @handler, got a second one');
    }
    const problem = handlerProblem(handler);
    if (problem !== null) return this.reject(problem.range, problem.message);
    const { source, declaration } = handler;
    const { parameters, returnType } = declaration.signature;
    const types = parameters.map((parameter) => parameter.type.range.toString());
    const text = entryText(declaration.name.text, types, returnType.range.toString());
    this.parseInto(source, 'entry', text, 'handler');
    this.manifest = {
      name: stringArgument(handler.decorator),
      abi: ABI,
      function: declaration.name.text,
      input: types[0],
      ...(types[1] === undefined ? {} : { config: types[1] }),
      output: returnType.range.toString(),
    };
  }

  /**
   * Parses generated text as a file beside `source` and moves its statements there, so that its names resolve in the
   * author's scope. Classes are handed back instead. The emptied file stays in the program: source maps refer to it.
   */
  parseInto(source, label, text, sdkFile) {
    const path = source.normalizedPath.replace(/\.ts$/, `.${label}.generated.ts`);
    this.parser.parseFile(text.replaceAll('<sdk>', this.sdkImport(source, sdkFile)), path, false);
    const file = this.parser.sources.at(-1);
    const statements = file.statements.splice(0);
    const isClass = (statement) => statement.kind === NodeKind.ClassDeclaration;
    source.statements.push(...statements.filter((statement) => !isClass(statement)));
    return { classes: statements.filter(isClass) };
  }

  /** How `source` imports a file of the SDK: by the package's name unless it was imported by a relative path. */
  sdkImport(source, file) {
    const [folder] = this.sdkFolders;
    if (folder === undefined) return `${SDK_PACKAGE}/${file}`;
    if (folder.startsWith(LIBRARY)) return `${folder.slice(LIBRARY.length)}/${file}`;
    const relative = posix.relative(posix.dirname(source.normalizedPath), `${folder}/${file}`);
    return relative.startsWith('.') ? relative : `./${relative}`;
  }

  /** Reports an error at a place in the author's source; asc stops after the transform. */
  reject(range, message) {
    this.program.emitDiagnostic(DiagnosticCode.User_defined_0, DiagnosticCategory.Error, range ?? null, null, message);
  }
}

function isUserEntry(source) {
  return source.sourceKind === SourceKind.UserEntry && !source.normalizedPath.startsWith(LIBRARY);
}

/** Top-level declarations of one kind that carry a decorator. */
function findDecorated(source, kind, name) {
  return source.statements.flatMap((statement) => {
    if (statement.kind !== kind) return [];
    const decorator = findDecorator(statement, name);
    return decorator === undefined ? [] : [{ source, declaration: statement, decorator }];
  });
}

function findDecorator(declaration, name) {
  return declaration.decorators?.find((decorator) => decorator.name.text === name);
}

/** The text of a decorator's only argument, or undefined. */
function stringArgument(decorator) {
  const [argument] = decorator?.args ?? [];
  return argument?.isLiteralKind(LiteralKind.String) ? argument.value : undefined;
}

function handlerProblem({ declaration, decorator }) {
  const name = stringArgument(decorator);
  if (name === undefined || !HANDLER_NAME.test(name)) {
    return { range: decorator.range, message: 'expected @handler("name") with lower case letters, digits and underscores' };
  }
  const { parameters, returnType } = declaration.signature;
  if (parameters.length < 1 || parameters.length > 2) {
    return { range: declaration.name.range, message: 'expected a handler with the parameters (input) or (input, config)' };
  }
  if (returnType.range.toString() === 'void' || returnType.range.start === returnType.range.end) {
    return { range: declaration.name.range, message: 'expected a handler that returns its output' };
  }
  return null;
}

function jsonClassProblem(declaration) {
  const range = declaration.name.range;
  if (declaration.isGeneric) return { range, message: '@json is not possible on a generic class' };
  if (declaration.extendsType !== null) return { range, message: '@json is not possible on a class that extends another' };
  return null;
}

function instanceFields(declaration) {
  return declaration.members.filter(
    (member) => member.kind === NodeKind.FieldDeclaration && (member.flags & CommonFlags.Static) === 0,
  );
}

/** Fields as they appear in JSON. One without an initial value has to be there, unless it may be null. */
function jsonFields(declaration) {
  return instanceFields(declaration).map((field) => ({
    name: field.name.text,
    key: stringArgument(findDecorator(field, 'key')) ?? field.name.text,
    type: field.type.range.toString(),
    required: field.initializer === null && !field.type.isNullable,
  }));
}
