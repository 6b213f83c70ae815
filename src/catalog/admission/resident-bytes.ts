import { readFileSync } from 'node:fs';

const PAGE_BYTES = 4096;

/** Memory that a process holds, from Linux' /proc; 0 where that cannot be read. */
export function residentBytes(pid: number | undefined): number {
  try {
    const [, resident = '0'] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ');
    return Number(resident) * PAGE_BYTES;
  } catch {
    return 0;
  }
}
