/** RFC 9535 `name-first`: a letter, `_`, or anything outside ASCII. */
export function isNameStart(unit: i32): bool {
  return unit >= 0x80 || unit == 0x5f || <u32>((unit | 0x20) - 0x61) < 26;
}

/** RFC 9535 `name-char`: also digits. */
export function isNameCharacter(unit: i32): bool {
  return isNameStart(unit) || <u32>(unit - 0x30) <= 9;
}

/** A member name as a path step: `.title` or `["US Gross"]`. */
export function pathStepText(name: string): string {
  let plain = name.length > 0 && isNameStart(name.charCodeAt(0));
  for (let i = 1; i < name.length && plain; i++) plain = isNameCharacter(name.charCodeAt(i));
  return plain ? "." + name : '["' + name.replaceAll("\\", "\\\\").replaceAll('"', '\\"') + '"]';
}
