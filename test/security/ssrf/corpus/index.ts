import type { Row } from '../row.ts';
import { ADDRESSES } from './addresses.ts';
import { ANSWERS } from './answers.ts';
import { NAMES } from './names.ts';
import { REDIRECTS } from './redirects.ts';
import { SERVERS } from './servers.ts';

/** Every row. */
export const CORPUS: readonly Row[] = [...ADDRESSES, ...NAMES, ...REDIRECTS, ...ANSWERS, ...SERVERS];
