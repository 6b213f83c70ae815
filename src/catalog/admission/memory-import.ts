/** Where the rewritten module finds the memory that the sandbox hands it. */
export const MEMORY_IMPORT = Object.freeze({ module: 'host', name: 'memory' });
