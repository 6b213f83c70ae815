import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { loadHandler } from '../../src/catalog/load.ts';
import { createHttpClient } from '../../src/host/egress/http-client.ts';
import type { JsonObject } from '../../src/model/json.ts';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { writeTape } from '../../src/sandbox/tape/file.ts';
import { type Answer, answerOf, type Example, inputOf } from './variations.ts';

/** Runs `count` variations of a handler's examples for real, HTTP over loopback, and writes a tape of each. */
export async function recordHandler(folder: string, tapes: string, count: number) {
  const examples = await readExamples(folder);
  let answer: Answer = { status: 500, headers: {}, body: '' };
  const server = createServer((_, response) => {
    response.writeHead(answer.status, answer.headers);
    response.end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sandbox = createSandbox({ host: { http: createHttpClient(), secrets: { get: async () => null } } });
  let completed = 0;
  try {
    const { artifact, name } = await loadHandler(folder, sandbox.admit);
    for (let index = 0; index < count; index += 1) {
      const example = examples[index % examples.length];
      if (example === undefined) throw new Error(`${name} has no example to vary`);
      answer = answerOf(example, index);
      const config = toLoopback(example.config, origin);
      const file = join(tapes, `${name}-${index}.tape.json`);
      completed += await recordOne(sandbox, artifact, { input: inputOf(example, index), config }, file);
    }
    return { name, completed };
  } finally {
    await sandbox.close();
    await new Promise((resolve) => server.close(resolve));
  }
}

async function recordOne(
  sandbox: Sandbox,
  artifact: Parameters<Sandbox['execute']>[0],
  { input, config }: { readonly input: string; readonly config: JsonObject },
  file: string,
): Promise<number> {
  const written: Promise<void>[] = [];
  const outcome = await sandbox.execute(artifact, {
    input,
    config,
    grants: artifact.manifest?.capabilities ?? [],
    onTape: (tape) => written.push(writeTape(file, tape)),
  });
  await Promise.all(written);
  return outcome.kind === 'completed' ? 1 : 0;
}

async function readExamples(folder: string): Promise<readonly Example[]> {
  const files = await readdir(join(folder, 'examples')).catch(() => {
    throw new Error(`${basename(folder)} has no examples`);
  });
  return Promise.all(
    files
      .sort()
      .map(async (file) => JSON.parse(await readFile(join(folder, 'examples', file), 'utf8')) as Example),
  );
}

/** Sends what the example sends elsewhere to our own server. */
function toLoopback(config: JsonObject, origin: string): JsonObject {
  const { url } = config;
  if (typeof url !== 'string') return config;
  const { pathname, search } = new URL(url);
  return { ...config, url: `${origin}${pathname}${search}` };
}
