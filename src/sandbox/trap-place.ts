import type { Artifact } from '../catalog/artifact.ts';
import { openPlaces } from '../catalog/source-map.ts';
import type { Trapped } from '../model/outcome.ts';

/** A frame as the worker reports it: `divide (wasm-function[12]:0x1f4)`, with the offset in the metered module. */
const FRAME = /^(?:(.*) \()?(wasm-function\[\d{1,7}\]):0x([0-9a-f]{1,8})\)?$/s;
const TEXT_MAX = 120;

/**
 * A trap with the places of its frames in what was published: `handler.ts:12:5` where there is a source map, else
 * `wasm-function[12]:0x1a2`. The innermost is in the message.
 */
export async function locateTrap<Outcome extends Trapped>(
  trapped: Outcome,
  { places }: Artifact,
): Promise<Outcome> {
  const placeOf = await openPlaces(places);
  const frames = trapped.stack.flatMap((text) => {
    const [, name = '', index, digits] = FRAME.exec(text) ?? [];
    if (digits === undefined) return [];
    const { offset, source } = placeOf(Number.parseInt(digits, 16));
    const at = source ?? (offset === null ? `${index}` : `${index}:0x${offset.toString(16)}`);
    return [{ name: clean(name), at: clean(at) }];
  });
  const [first] = frames;
  const innermost = first === undefined ? '' : ` at ${first.at}${first.name && ` (in ${first.name})`}`;
  return {
    ...trapped,
    message: trapped.message + innermost,
    stack: frames.map(({ name, at }) => (name === '' ? at : `${name} (${at})`)),
  };
}

/** untrusted: names of functions and files are what the module and its map say. Cut, and without what moves a cursor. */
function clean(text: string): string {
  const visible = text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
  return visible.length > TEXT_MAX ? `${visible.slice(0, TEXT_MAX)}…` : visible;
}
