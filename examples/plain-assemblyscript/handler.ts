/** Counts the words in a JSON text: `"to be or not to be"` becomes `{"words":6,"longest":3}`. Nothing but AssemblyScript's own library. */
export function handle(input: string): string {
  let words = 0;
  let longest = 0;
  let length = 0;
  for (let i = 0; i < input.length; i++) {
    if (isWord(input.charCodeAt(i))) {
      if (length == 0) words++;
      length++;
      if (length > longest) longest = length;
    } else length = 0;
  }
  return `{"words":${words},"longest":${longest}}`;
}

function isWord(unit: i32): bool {
  return (unit >= 0x30 && unit <= 0x39) || (unit >= 0x41 && unit <= 0x5a) || (unit >= 0x61 && unit <= 0x7a) || unit > 0x7f;
}
