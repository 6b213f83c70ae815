import { randomUUID } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { BrokerError, messageOf } from '../../errors.ts';
import { parseOrThrow } from '../../model/parse.ts';
import { TAPE_VERSION, Tape } from '../../model/tape.ts';

/** Writes a tape so that a file of that name is always a whole one. Only the owner may read it: it has data of a task. */
export async function writeTape(file: string, tape: Tape): Promise<void> {
  const unfinished = `${file}.${randomUUID()}.tmp`;
  try {
    const handle = await open(unfinished, 'wx', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(tape)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw new BrokerError('ERR_TAPE_INVALID', `cannot write ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** Reads a tape. Throws ERR_TAPE_INVALID for what is none, or is of another version. */
export async function readTape(file: string): Promise<Tape> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new BrokerError('ERR_TAPE_INVALID', `${file}: ${messageOf(error)}`, { cause: error });
  }
  const version = typeof value === 'object' && value !== null && 'tape' in value ? value.tape : undefined;
  if (version !== TAPE_VERSION) {
    const message = `${file}: expected a tape of version ${TAPE_VERSION}, got ${JSON.stringify(version) ?? 'no tape'}`;
    throw new BrokerError('ERR_TAPE_INVALID', message);
  }
  return parseOrThrow(Tape, value, 'ERR_TAPE_INVALID', file);
}
