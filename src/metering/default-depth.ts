/**
 * The weight of frames, in bytes, that fits the stack of a JSPI call (984 KiB in V8 14.6) with room for the host.
 * Measured in Liftoff on x64, over 23 shapes of recursion: the stack overflows at a weight of 940 KiB (frames that are
 * nearly all operands or locals) to 1,890 KiB (tiny frames). Imported functions run on the same stack and find at
 * least 420 KiB of it.
 */
export const DEFAULT_DEPTH = 512 * 1024;
