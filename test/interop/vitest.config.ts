import { defineConfig } from 'vitest/config';

/** Of `npm run interop`: the scenarios against a server that somebody else runs. */
export default defineConfig({
  test: {
    include: ['test/interop/server.interop.ts'],
    globalSetup: ['test/support/handlers-setup.ts'],
    reporters: ['verbose', './test/support/plain-line-reporter.ts'],
    hookTimeout: 60_000,
    allowOnly: false,
    passWithNoTests: false,
  },
});
