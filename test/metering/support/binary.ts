/** Hand-made modules, for bytes that no assembler writes. */

export const HEADER: readonly number[] = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

export function leb(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...leb(Math.floor(value / 128))];
}

export function section(id: number, ...content: number[]): number[] {
  return longSection(id, content);
}

/** The same for contents that are too long for an argument list. */
export function longSection(id: number, content: readonly number[]): number[] {
  return [id, ...leb(content.length), ...content];
}

export function binary(...sections: number[][]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...HEADER, ...sections.flat()]);
}

/** A module of one function `() -> ()`, exported as `f`, with the given locals and code (its last `end` included). */
export function oneFunction(
  code: readonly number[],
  locals: readonly number[] = [0],
): Uint8Array<ArrayBuffer> {
  return oneTyped([], [], code, locals);
}

/** The same with parameters and results, a memory and a table. */
export function oneTyped(
  params: readonly number[],
  results: readonly number[],
  code: readonly number[],
  locals: readonly number[] = [0],
): Uint8Array<ArrayBuffer> {
  const body = [...locals, ...code];
  return binary(
    longSection(1, [1, 0x60, ...leb(params.length), ...params, ...leb(results.length), ...results]),
    section(3, 1, 0),
    section(4, 1, 0x70, 0, 1),
    section(5, 1, 0, 1),
    section(6, 1, 0x7f, 1, 0x41, 0, 0x0b),
    section(7, 1, 1, 0x66, 0, 0),
    section(9, 1, 3, 0, 1, 0),
    section(12, 1),
    longSection(10, [1, ...leb(body.length), ...body]),
    section(11, 1, 1, 0),
  );
}
