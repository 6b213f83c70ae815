import { describeInterop } from './suite.ts';

/* Run by `npm run interop -- URL` (scripts/interop.ts), which has checked both variables. */
const { INTEROP_URL: url = '', DATABASE_URL: databaseUrl = '' } = process.env;

describeInterop(`the Tasker server at ${url}`, async () => ({ url, databaseUrl, close: async () => {} }));
