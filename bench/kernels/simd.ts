// AssemblyScript. Three kernels with fixed-width SIMD, shown beside the ten of kernels.ts. The benchmark puts a line
// `const LAYOUT: i32 = N` in front, as it does there.

const COUNT = 1 << 16;
const left = new StaticArray<f32>(COUNT);
const right = new StaticArray<f32>(COUNT);
const text = new StaticArray<u8>(1 << 18);
const image = new StaticArray<u8>(1 << 18);

/** Dot product of two vectors of 65,536 floats, eight times. */
export function dot(): f64 {
  for (let i = 0; i < COUNT; i++) {
    unchecked((left[i] = <f32>(i & 255)));
    unchecked((right[i] = <f32>((i * 7 + LAYOUT) & 127)));
  }
  let total: f64 = 0;
  for (let round = 0; round < 8; round++) {
    let sum = f32x4.splat(0);
    for (let i: usize = 0; i < <usize>COUNT * 4; i += 16) {
      const a = v128.load(changetype<usize>(left) + i);
      const b = v128.load(changetype<usize>(right) + i);
      sum = f32x4.add(sum, f32x4.mul(a, b));
    }
    total += f32x4.extract_lane(sum, 0) + f32x4.extract_lane(sum, 1);
    total += f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3);
  }
  return total;
}

/** Line ends in 256 KiB of text, sixteen bytes at a time, eight times. */
export function lines(): u32 {
  for (let i = 0; i < text.length; i++) unchecked((text[i] = i % (61 + LAYOUT) == 0 ? 10 : 97));
  let count = 0;
  for (let round = 0; round < 8; round++) {
    for (let i: usize = 0; i < <usize>text.length; i += 16) {
      const found = i8x16.eq(v128.load(changetype<usize>(text) + i), i8x16.splat(10));
      count += popcnt(i8x16.bitmask(found));
    }
  }
  return count;
}

/** A mean of neighbours over an image of 512 × 512 bytes, four times. */
export function blur(): u32 {
  for (let i = 0; i < image.length; i++) unchecked((image[i] = <u8>(i * 31 + LAYOUT)));
  const width: usize = 512;
  const start = changetype<usize>(image);
  for (let round = 0; round < 4; round++) {
    for (let row: usize = 1; row < 511; row++) {
      for (let at = start + row * width + 16; at < start + (row + 1) * width - 16; at += 16) {
        const across = i8x16.avgr_u(v128.load(at - 1), v128.load(at + 1));
        const down = i8x16.avgr_u(v128.load(at - width), v128.load(at + width));
        v128.store(at, i8x16.avgr_u(across, down));
      }
    }
  }
  let sum: u32 = 0;
  for (let i = 0; i < image.length; i++) sum = sum * 31 + unchecked(image[i]);
  return sum;
}
