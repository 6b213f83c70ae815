/**
 * Length in bytes of the well-formed UTF-8 sequence that starts here, or 0 when it is none (RFC 3629: no overlong
 * form, no surrogate, nothing above U+10FFFF). `end` bounds the sequence.
 */
export function utf8SequenceLength(at: usize, end: usize): usize {
  const lead = load<u8>(at);
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return at + 2 <= end && isContinuation(at + 1) ? 2 : 0;
  if (lead < 0xf0) {
    if (at + 3 > end || !isContinuation(at + 1) || !isContinuation(at + 2)) return 0;
    const second = load<u8>(at + 1);
    if (lead == 0xe0 && second < 0xa0) return 0;
    return lead == 0xed && second > 0x9f ? 0 : 3;
  }
  if (lead > 0xf4 || at + 4 > end) return 0;
  if (!isContinuation(at + 1) || !isContinuation(at + 2) || !isContinuation(at + 3)) return 0;
  const second = load<u8>(at + 1);
  if (lead == 0xf0 && second < 0x90) return 0;
  return lead == 0xf4 && second > 0x8f ? 0 : 4;
}

@inline
function isContinuation(at: usize): bool {
  return (load<u8>(at) & 0xc0) == 0x80;
}

/** True when the whole range is well-formed UTF-8. */
export function isUtf8(start: usize, end: usize): bool {
  while (start < end) {
    const length = utf8SequenceLength(start, end);
    if (length == 0) return false;
    start += length;
  }
  return true;
}
