import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { parseCallable } from '../catalog/callable.ts';
import { compareVersions } from '../catalog/catalog.ts';
import { BUILTIN_FOLDER, handlerFolders, readManifest } from '../catalog/load.ts';
import { type Config, loadConfig, processEnv } from '../config.ts';
import { BrokerError, messageOf } from '../errors.ts';
import { resolveByDns } from '../host/egress/connection.ts';
import type { HttpMethod } from '../host/egress/url.ts';
import { HttpGrant } from '../model/grant.ts';
import type { Manifest } from '../model/manifest.ts';
import { explainGrants } from './explain-grants.ts';
import { renderGrants } from './render/grants.ts';

interface ExplainOptions {
  readonly config: string;
  readonly method: HttpMethod;
  readonly resolve?: boolean;
  readonly json?: boolean;
}

/** `wasm-broker grants`: what a handler may do, and why a call would be allowed or refused. Runs and sends nothing. */
export function grantsCommand(program: Command): void {
  program
    .command('grants')
    .description('show what handlers may do')
    .command('explain')
    .description('show the effective grants of a handler, and why a call would be allowed or refused')
    .argument('<handler>', 'name of a catalog handler, NAME@VERSION, or a folder with a handler')
    .argument('[url]', 'an HTTP request it might send')
    .addOption(
      new Option('--method <method>', 'method of the request')
        .choices(HttpGrant.shape.methods.element.options)
        .default('GET'),
    )
    .option('--config <file>', 'configuration with the policy', 'broker.toml')
    .option('--resolve', 'look the host up and check its addresses too')
    .option('--json', 'print one JSON object')
    .action(async (handler: string, url: string | undefined, options: ExplainOptions) => {
      const config = loadConfig({ file: options.config, env: processEnv() });
      const manifest = await findManifest(handler, config);
      const { method } = options;
      const resolve = options.resolve === true ? { resolve: lookUp } : {};
      const explained = await explainGrants(
        manifest,
        config,
        url === undefined ? null : { method, url, ...resolve },
      );
      process.stdout.write(
        options.json === true ? `${JSON.stringify(explained)}\n` : renderGrants(explained, options.config),
      );
      process.exitCode = explained.call?.allowed === false ? 1 : 0;
    });
}

/** The manifest of a folder, or the newest one of that name among those that `serve` would load. */
async function findManifest(handler: string, { catalog }: Config): Promise<Manifest> {
  if (existsSync(join(handler, 'manifest.json'))) return readManifest(handler);
  const parsed = parseCallable(handler);
  if (!parsed.allowed) throw new BrokerError(parsed.code, parsed.message);
  const { name, version } = parsed.callable;
  const roots = [...(catalog.builtin ? [BUILTIN_FOLDER] : []), ...catalog.folders];
  const folders = (await Promise.all(roots.map(handlerFolders))).flat();
  const manifests = await Promise.all(folders.map(readManifest));
  const found = manifests
    .filter((manifest) => manifest.name === name && (version === null || manifest.version === version))
    .sort((one, other) => compareVersions(other.version, one.version))[0];
  if (found !== undefined) return found;
  const names = [...new Set(manifests.map((manifest) => manifest.name))].sort().join(', ');
  throw new BrokerError('ERR_HANDLER_UNKNOWN', `no handler "${handler}"; the catalog has ${names}`);
}

async function lookUp(hostname: string): Promise<string[]> {
  try {
    return (await resolveByDns(hostname)).map(({ address }) => address);
  } catch (error) {
    throw new BrokerError('ERR_USAGE', `--resolve: ${messageOf(error)}`, { cause: error });
  }
}
