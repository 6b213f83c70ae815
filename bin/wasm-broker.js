#!/usr/bin/env node
// Plain JavaScript that any Node can read: says in one line what is missing, where newer syntax would only be an error.
import { existsSync } from 'node:fs';
import { requireNode26 } from './require-node.js';

requireNode26();
const source = new URL('../src/cli/main.ts', import.meta.url);
const built = new URL('../dist/cli/main.js', import.meta.url);
// A checkout runs its sources as they are; the published package has no sources, only dist/.
const { main } = await import((existsSync(source) ? source : built).href);
await main(process.argv);
