import { BrokerError, messageOf } from '../../errors.ts';

/** The engine's own validation: the rewriter reads what it needs, V8 judges the rest. */
export function compileModule(metered: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  try {
    return new WebAssembly.Module(metered);
  } catch (error) {
    throw new BrokerError('ERR_MODULE_MALFORMED', `the engine refuses the module: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
