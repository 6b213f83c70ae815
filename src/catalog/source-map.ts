import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { SourceMap } from 'node:module';
import * as z from 'zod';
import { originalOffset } from '../metering/index.ts';
import type { Artifact, CodePlaces, SourceMapFile } from './artifact.ts';

/** Where an offset in a metered module comes from. */
export interface CodePlace {
  /** In the published module; null outside its code. */
  readonly offset: number | null;
  /** `file:line:column`, counted from 1; null without a source map. */
  readonly source: string | null;
}

/** Larger ones are not read. That of a catalog handler has 500 KB, most of it the text of the sources. */
const BYTES_MAX = 8 * 1024 * 1024;
/** Reading so many characters of mappings takes a tenth of a second, once; a handler of 40 KB has 42,000. */
const MAPPINGS_MAX = 1024 * 1024;

/** Version 3. One line; columns are byte offsets in the module. The sources' own text is not used. */
const Payload = z.object({
  version: z.literal(3),
  sources: z.array(z.string()).max(10_000),
  mappings: z.string().max(MAPPINGS_MAX),
});

/** The artifact with the source map in `path`, if there is one. */
export async function withSourceMap(artifact: Artifact, path: string): Promise<Artifact> {
  const text = await readMap(path);
  if (text === null) return artifact;
  const sourceMap = Object.freeze({ path, sha256: hash('sha256', text) });
  return Object.freeze({ ...artifact, places: Object.freeze({ ...artifact.places, sourceMap }) });
}

/** Finds places by offsets in the metered module. */
export async function openPlaces({
  offsets,
  sourceMap,
}: CodePlaces): Promise<(meteredOffset: number) => CodePlace> {
  const sourceAt = sourceMap === null ? NOWHERE : await openSourceMap(sourceMap);
  return (meteredOffset) => {
    const offset = originalOffset(offsets, meteredOffset) ?? null;
    return { offset, source: offset === null ? null : sourceAt(offset) };
  };
}

type SourceAt = (offset: number) => string | null;

const NOWHERE: SourceAt = () => null;
const opened = new WeakMap<SourceMapFile, Promise<SourceAt>>();

/** Reads a map when it is first needed, and once only. Finds nothing in one that is gone, was changed or is none. */
function openSourceMap(file: SourceMapFile): Promise<SourceAt> {
  const known = opened.get(file) ?? parse(file).catch(() => NOWHERE);
  opened.set(file, known);
  return known;
}

// untrusted: a file that whoever wrote the handler brought along
async function parse({ path, sha256 }: SourceMapFile): Promise<SourceAt> {
  const text = await readMap(path);
  if (text === null || hash('sha256', text) !== sha256) return NOWHERE;
  const payload = Payload.parse(JSON.parse(text));
  const map = new SourceMap({ file: '', names: [], sourcesContent: [], sourceRoot: '', ...payload });
  return (offset) => {
    const entry = map.findEntry(0, offset);
    if (!('originalSource' in entry) || typeof entry.originalSource !== 'string') return null;
    return `${entry.originalSource}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  };
}

async function readMap(path: string): Promise<string | null> {
  try {
    const bytes = await readFile(path);
    return bytes.byteLength > BYTES_MAX ? null : bytes.toString();
  } catch {
    return null;
  }
}
