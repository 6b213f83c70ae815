// AssemblyScript. Ten kernels for the fuel benchmark, one for each way a guest spends its time. In front comes a line
// `const LAYOUT: i32 = N; const SMALL: bool = B;`: N shifts the code of the loops without changing what they do; small
// kernels take the same paths so few times that a test can try every value of fuel.

export let shift0 = 0;
export let shift1 = 0;
export let shift2 = 0;
export let shift3 = 0;

/** Once per call of a kernel: a few bytes of code before its loops. */
function shiftCode(): void {
  if (LAYOUT > 0) shift0 = 1;
  if (LAYOUT > 1) shift1 = 1;
  if (LAYOUT > 2) shift2 = 1;
  if (LAYOUT > 3) shift3 = 1;
}

function random(state: u32): u32 {
  return state * 1664525 + 1013904223;
}

// SHA-256 of 1 MiB.

const ROUNDS: StaticArray<u32> = [
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
];
const message = new StaticArray<u8>(SMALL ? 64 : 1 << 20);
const schedule = new StaticArray<u32>(64);

export function sha256(): u32 {
  shiftCode();
  let h0: u32 = 0x6a09e667;
  let h1: u32 = 0xbb67ae85;
  let h2: u32 = 0x3c6ef372;
  let h3: u32 = 0xa54ff53a;
  let h4: u32 = 0x510e527f;
  let h5: u32 = 0x9b05688c;
  let h6: u32 = 0x1f83d9ab;
  let h7: u32 = 0x5be0cd19;
  const w = schedule;
  for (let block = 0; block < message.length; block += 64) {
    const start = changetype<usize>(message) + block;
    for (let i = 0; i < 16; i++) unchecked((w[i] = bswap(load<u32>(start + 4 * i))));
    for (let i = 16; i < 64; i++) {
      const early = unchecked(w[i - 15]);
      const late = unchecked(w[i - 2]);
      const sigma0 = rotr(early, 7) ^ rotr(early, 18) ^ (early >>> 3);
      const sigma1 = rotr(late, 17) ^ rotr(late, 19) ^ (late >>> 10);
      unchecked((w[i] = w[i - 16] + sigma0 + w[i - 7] + sigma1));
    }
    let a = h0;
    let b = h1;
    let c = h2;
    let d = h3;
    let e = h4;
    let f = h5;
    let g = h6;
    let h = h7;
    for (let i = 0; i < 64; i++) {
      const sum1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25);
      const first = h + sum1 + ((e & f) ^ (~e & g)) + unchecked(ROUNDS[i]) + unchecked(w[i]);
      const sum0 = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22);
      const second = sum0 + ((a & b) ^ (a & c) ^ (b & c));
      h = g;
      g = f;
      f = e;
      e = d + first;
      d = c;
      c = b;
      b = a;
      a = first + second;
    }
    h0 += a;
    h1 += b;
    h2 += c;
    h3 += d;
    h4 += e;
    h5 += f;
    h6 += g;
    h7 += h;
  }
  return h0 ^ h3 ^ h7;
}

// A scanner over JSON text, byte by byte.

const LINE =
  '{"id":4711,"title":"A \\"quoted\\" title","price":19.99,"tags":["a","b","c"],"sold":true,"left":null,"at":{"x":1,"y":-2.5e3}},';
const JSON_TEXT: ArrayBuffer = String.UTF8.encode(LINE.repeat(SMALL ? 1 : 4000));

export function json(): i32 {
  shiftCode();
  const text = changetype<usize>(JSON_TEXT);
  const length = JSON_TEXT.byteLength;
  let depth = 0;
  let deepest = 0;
  let strings = 0;
  let words = 0;
  let sum: f64 = 0;
  let at = 0;
  while (at < length) {
    const byte = load<u8>(text + at);
    switch (byte) {
      case 0x7b:
      case 0x5b:
        depth++;
        if (depth > deepest) deepest = depth;
        at++;
        break;
      case 0x7d:
      case 0x5d:
        depth--;
        at++;
        break;
      case 0x22:
        at++;
        while (at < length) {
          const inside = load<u8>(text + at);
          if (inside == 0x22) break;
          at += inside == 0x5c ? 2 : 1;
        }
        at++;
        strings++;
        break;
      case 0x2d:
      case 0x30:
      case 0x31:
      case 0x32:
      case 0x33:
      case 0x34:
      case 0x35:
      case 0x36:
      case 0x37:
      case 0x38:
      case 0x39: {
        const negative = byte == 0x2d;
        if (negative) at++;
        let value: f64 = 0;
        let scale: f64 = 0;
        for (;;) {
          const digit = load<u8>(text + at);
          if (digit == 0x2e) scale = 1;
          else if (digit >= 0x30 && digit <= 0x39) {
            value = value * 10 + (digit - 0x30);
            scale *= 10;
          } else break;
          at++;
        }
        if (load<u8>(text + at) == 0x65) {
          at++;
          let exponent = 0;
          while (load<u8>(text + at) >= 0x30 && load<u8>(text + at) <= 0x39) {
            exponent = exponent * 10 + (load<u8>(text + at) - 0x30);
            at++;
          }
          while (exponent-- > 0) value *= 10;
        }
        if (scale > 1) value /= scale;
        sum += negative ? -value : value;
        break;
      }
      case 0x74:
      case 0x6e:
        at += 4;
        words++;
        break;
      case 0x66:
        at += 5;
        words++;
        break;
      default:
        at++;
    }
  }
  return strings * 3 + words + deepest + <i32>sum;
}

// Matrix product, 160 × 160 doubles.

const SIDE = SMALL ? 4 : 160;
const left = new StaticArray<f64>(SIDE * SIDE);
const right = new StaticArray<f64>(SIDE * SIDE);
const product = new StaticArray<f64>(SIDE * SIDE);

export function matmul(): f64 {
  shiftCode();
  for (let i = 0; i < SIDE * SIDE; i++) {
    unchecked((left[i] = <f64>(i % 7)));
    unchecked((right[i] = <f64>(i % 5)));
  }
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      let sum: f64 = 0;
      for (let k = 0; k < SIDE; k++) sum += unchecked(left[row * SIDE + k] * right[k * SIDE + column]);
      unchecked((product[row * SIDE + column] = sum));
    }
  }
  return product[0] + product[SIDE * SIDE - 1];
}

// Two loops around a xorshift generator.

const NESTED_ROUNDS = SMALL ? 8 : 2000;

export function nested(): u32 {
  shiftCode();
  let state: u32 = 2463534242;
  for (let i = 0; i < NESTED_ROUNDS; i++) {
    for (let j = 0; j < NESTED_ROUNDS; j++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      state += j;
    }
  }
  return state;
}

// A loop that does next to nothing.

const TIGHT_ROUNDS: u32 = SMALL ? 100 : 10000000;

export function tight(): u32 {
  shiftCode();
  let state: u32 = 1;
  for (let i: u32 = 0; i < TIGHT_ROUNDS; i++) state = state * 3 + i;
  return state;
}

// Calls and nothing else.

function fibonacci(n: i32): i32 {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

export function fib(): i32 {
  return fibonacci(SMALL ? 9 : 28);
}

// Text, a map and a list of objects, on the allocator.

class Item {
  constructor(
    public number: i32,
    public name: string,
    public next: Item | null,
  ) {}
}

const ITEMS = SMALL ? 2 : 8000;
const NUMBERS = SMALL ? 3 : 1500;
const KEYS = SMALL ? 3 : 2500;

export function strings(): i32 {
  shiftCode();
  let total = 0;
  let head: Item | null = null;
  for (let i = 0; i < ITEMS; i++) {
    const name = 'item-' + i.toString() + ':' + (i * 7).toString(16);
    head = new Item(i, name, (i & 63) == 0 ? null : head);
    total += name.length;
  }
  const numbers: string[] = [];
  for (let i = 0; i < NUMBERS; i++) numbers.push(i.toString());
  const parts = numbers.join(',').split(',');
  for (let i = 0; i < parts.length; i++) total += <i32>parseInt(parts[i]);
  const counts = new Map<string, i32>();
  for (let i = 0; i < KEYS; i++) {
    const key = 'k' + (i % 700).toString();
    counts.set(key, (counts.has(key) ? counts.get(key) : 0) + 1);
  }
  let item = head;
  while (item) {
    total += item.number & 1;
    item = item.next;
  }
  return total + counts.size;
}

// Array.sort with a comparator through the table.

const SORTED = SMALL ? 10 : 30000;

export function sort(): i32 {
  shiftCode();
  const values = new Array<i32>(SORTED);
  let state: u32 = 12345;
  for (let i = 0; i < values.length; i++) {
    state = random(state);
    unchecked((values[i] = <i32>(state >>> 8)));
  }
  values.sort((a, b) => a - b);
  return values[0] ^ values[SORTED / 2] ^ values[SORTED - 1];
}

// Quicksort with its loops by hand.

function quicksort(values: StaticArray<i32>, from: i32, to: i32): void {
  let low = from;
  let high = to;
  while (low < high) {
    const pivot = unchecked(values[(low + high) >> 1]);
    let i = low;
    let j = high;
    while (i <= j) {
      while (unchecked(values[i]) < pivot) i++;
      while (unchecked(values[j]) > pivot) j--;
      if (i <= j) {
        const swapped = unchecked(values[i]);
        unchecked((values[i] = values[j]));
        unchecked((values[j] = swapped));
        i++;
        j--;
      }
    }
    if (j - low < high - i) {
      quicksort(values, low, j);
      low = i;
    } else {
      quicksort(values, i, high);
      high = j;
    }
  }
}

const UNSORTED = SMALL ? 16 : 100000;
const unsorted = new StaticArray<i32>(UNSORTED);

export function qsort(): i32 {
  shiftCode();
  let state: u32 = 12345;
  for (let i = 0; i < unsorted.length; i++) {
    state = random(state);
    unchecked((unsorted[i] = <i32>(state >>> 8)));
  }
  quicksort(unsorted, 0, unsorted.length - 1);
  return unsorted[0] ^ unsorted[UNSORTED / 2] ^ unsorted[UNSORTED - 1];
}

// A bytecode interpreter around one br_table.

const PROGRAM: StaticArray<u8> = [0, 1, 2, 3, 1, 4, 2, 5, 6, 0, 7];

const ROUNDS_OF_PROGRAM = SMALL ? 4 : 300000;

export function interp(): i32 {
  shiftCode();
  const code = changetype<usize>(PROGRAM);
  let counter = 0;
  let a = 1;
  let b = 3;
  let rounds = 0;
  while (true) {
    const operation = load<u8>(code + counter);
    counter++;
    switch (operation) {
      case 0:
        a += b;
        break;
      case 1:
        b ^= a;
        break;
      case 2:
        a = rotl(a, 1);
        break;
      case 3:
        b += 7;
        break;
      case 4:
        a -= b >> 2;
        break;
      case 5:
        b *= 5;
        break;
      case 6:
        a ^= 0x5a5a;
        break;
      case 7:
        if (++rounds == ROUNDS_OF_PROGRAM) return a ^ b;
        counter = 0;
        break;
      default:
        unreachable();
    }
  }
}
