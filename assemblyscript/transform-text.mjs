/** The AssemblyScript text that the transform generates. `<sdk>` stands for how the file imports the SDK's file. */

/** The entry around a handler; every name of ours starts with `__tasker`. */
export function entryText(functionName, parameterTypes, returnType) {
  const [input, config] = parameterTypes;
  const configArgument = config === undefined ? '' : `, __taskerConfig<${config}>()`;
  return `
import {
  readInput as __taskerInput, readConfig as __taskerConfig, writeOutput as __taskerOutput
} from "<sdk>";
export function tk_handle(): i32 {
  __taskerOutput<${returnType}>(${functionName}(__taskerInput<${input}>()${configArgument}));
  return 0;
}`;
}

/** A class of the same name with the two members that a class with `@json` gets. */
export function jsonClassText(className, fields) {
  const decode = fields.map(({ name, key, type, required }) =>
    required
      ? `    this.${name} = __taskerRequired<${type}>(source, ${JSON.stringify(key)});`
      : `    this.${name} = __taskerOptional<${type}>(source, ${JSON.stringify(key)}, this.${name});`,
  );
  const encode = fields.map(
    ({ name, key, type }) => `    __taskerField<${type}>(target, ${JSON.stringify(key)}, this.${name});`,
  );
  return `
class ${className} {
  __taskerDecode(source: __TaskerJson): void {
${decode.join('\n')}
  }
  __taskerEncode(target: __TaskerWriter): void {
    target.beginObject();
${encode.join('\n')}
    target.endObject();
  }
}`;
}

/** What the members of a class with `@json` refer to; once in each file. */
export const JSON_IMPORTS = `
import {
  Json as __TaskerJson, JsonWriter as __TaskerWriter,
  requiredField as __taskerRequired, optionalField as __taskerOptional, encodeField as __taskerField
} from "<sdk>";`;
