/**
 * Largest module or component that a child is sent. The metering pass bounds each core module further
 * (`limit-module-bytes`); this is the bound of the stream.
 */
export const MODULE_BYTES_MAX = 64 * 1024 * 1024;
