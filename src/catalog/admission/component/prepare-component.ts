import { createHash } from 'node:crypto';
import { compileFunction } from 'node:vm';
import { BrokerError, messageOf } from '../../../errors.ts';
import { DENIED_GROW_EXPORT, DEPTH_EXPORT, FUEL_EXPORT } from '../../../metering/index.ts';
import { COMPONENT_ABI, COMPONENT_INTERFACES } from '../../../model/abi.ts';
import type { Limits } from '../../../model/limits.ts';
import type { ComponentFacts, ModuleFacts, PreparedModule } from '../../artifact.ts';
import { compileModule } from '../compile-module.ts';
import { pagesFuel } from '../prepare.ts';
import { allowed } from '../refused.ts';
import { canonFault } from './canons.ts';
import { inspectCore, type PreparedCore, prepareCore } from './core-modules.ts';
import { glueBody } from './glue.ts';
import { sectionsOf } from './sections.ts';
import type { Transpiled, Transpiler } from './transpile.ts';
import { type ImportedWorld, worldOf } from './world.ts';

/** Core modules of one component; toolchains that link engines and adapters make a dozen. */
const CORES_MAX = 32;
/** A place in a component would need the core module as well. */
const NO_OFFSETS = Object.freeze({ metered: new Uint32Array(), original: new Uint32Array() });
const COMPONENT_BYTES_MAX = 16 * 1024 * 1024;

// untrusted: the whole pipeline works on a component's bytes, and jco's glue has names from them in it
/**
 * sections → names of every core module → canonical functions → world → jco → clamp, meter and compile each core → the glue compiles. Throws a
 * `BrokerError` with the code of the first refusal. Runs no code of the component. Belongs in a process with limits.
 */
export function prepareComponent(bytes: Uint8Array, limits: Limits, transpiler: Transpiler): PreparedModule {
  requireSize(bytes);
  const { coreModules, canons } = sectionsOf(bytes);
  for (const core of coreModules) allowed(inspectCore(core));
  for (const canon of canons) allowed(canonFault(canon) ?? { allowed: true });
  const world = allowed(worldOf(understood(() => transpiler.printWorld(bytes))));
  const { glue, cores } = understood(() => transpiler.transpile(bytes));
  const prepared = prepareCores(cores, limits);
  const component: ComponentFacts = {
    glue: glueBody(glue, world.interfaces),
    cores: prepared.map(({ facts }) => facts),
    interfaces: world.interfaces,
  };
  compileFunction(component.glue, ['globalThis', 'console']);
  const [first = new Uint8Array(), ...others] = prepared.map(({ metered }) => metered.bytes);
  return {
    facts: factsOf(bytes, prepared, world, limits),
    metered: first,
    image: null,
    offsets: NO_OFFSETS,
    component: { facts: component, others },
  };
}

function requireSize({ byteLength }: Uint8Array): void {
  if (byteLength <= COMPONENT_BYTES_MAX) return;
  const message = `a component of ${byteLength} bytes; at most ${COMPONENT_BYTES_MAX}`;
  throw new BrokerError('ERR_MODULE_TOO_LARGE', message);
}

/** Judges and rewrites what jco took out of the component, and has the engine compile it. */
function prepareCores(cores: Transpiled['cores'], limits: Limits): PreparedCore[] {
  if (cores.length === 0 || cores.length > CORES_MAX) {
    const message = `expected a component of 1 to ${CORES_MAX} core modules, got ${cores.length}`;
    throw new BrokerError('ERR_MODULE_UNSUPPORTED', message);
  }
  return cores.map((module) => {
    const { description } = allowed(inspectCore(module.bytes));
    const { core } = allowed(prepareCore(module, description, limits));
    compileModule(core.metered.bytes);
    return core;
  });
}

function factsOf(
  bytes: Uint8Array,
  cores: readonly PreparedCore[],
  { interfaces, capabilities }: ImportedWorld,
  limits: Limits,
): ModuleFacts {
  return {
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    abi: COMPONENT_ABI,
    publishedBytes: bytes.byteLength,
    meteredBytes: cores.reduce((sum, { metered }) => sum + metered.bytes.byteLength, 0),
    costTableHash: cores[0]?.metered.costTableHash ?? '',
    initialFuel: cores.reduce((sum, core) => sum + initialFuelOf(core), 0),
    // There is never more than one of these call trees on the stack, whichever core it is in.
    uncountedBytes: Math.max(...cores.map(({ metered }) => metered.uncountedBytes)),
    fuelExport: FUEL_EXPORT,
    depthExport: DEPTH_EXPORT,
    deniedGrowExport: DENIED_GROW_EXPORT,
    startExport: null,
    memoryMinPages: requireMemory(cores, limits),
    memoryMaxPages: limits.memory_pages,
    capabilities,
    suspends: interfaces.some((name) => COMPONENT_INTERFACES[name]?.leaves === true),
  };
}

function initialFuelOf({ metered, facts }: PreparedCore): number {
  return metered.initialCost + pagesFuel(facts.memoryMinPages ?? 0);
}

/** Pages that the memories of all cores start with, together within the limit. */
function requireMemory(cores: readonly PreparedCore[], limits: Limits): number {
  const pages = cores.reduce((sum, { facts }) => sum + (facts.memoryMinPages ?? 0), 0);
  if (pages <= limits.memory_pages) return pages;
  const message = `the component starts with ${pages} pages of memory; limits.memory_pages allows ${limits.memory_pages}`;
  throw new BrokerError('ERR_MEMORY_MINIMUM', message, { details: { limit: 'memory_pages' } });
}

/** jco throws for what it cannot read, and its own code traps on some of it. */
function understood<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof BrokerError) throw error;
    const message = `jco cannot read the component: ${messageOf(error).slice(0, 1000)}`;
    throw new BrokerError('ERR_MODULE_MALFORMED', message, { cause: error });
  }
}
