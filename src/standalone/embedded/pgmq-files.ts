import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const BLOCK_BYTES = 512;
/** The control file, the install script and the upgrade scripts. */
const EXTENSION_FILE = /^pgmq(\.control|--[\d.-]+\.sql)$/;

/**
 * Unpacks the pgmq extension so that `CREATE EXTENSION pgmq` finds it.
 *
 * @returns the value of `extension_control_path` (PostgreSQL looks in its subfolder `extension`)
 */
export function unpackPgmq(archive: string, home: string): string {
  const share = join(home, 'share');
  const extensionDir = join(share, 'extension');
  mkdirSync(extensionDir, { recursive: true, mode: 0o755 });
  for (const { name, content } of tarEntries(gunzipSync(readFileSync(archive)))) {
    const file = basename(name);
    if (EXTENSION_FILE.test(file)) writeFileSync(join(extensionDir, file), content, { mode: 0o644 });
  }
  return `${share}:$system`;
}

/** The regular files of a tar archive (POSIX ustar: a header block, then the content padded to whole blocks). */
function* tarEntries(archive: Buffer): Generator<{ name: string; content: Buffer }> {
  let at = 0;
  while (at + BLOCK_BYTES <= archive.length) {
    const header = archive.subarray(at, at + BLOCK_BYTES);
    const name = text(header, 0, 100);
    if (name === '') return;
    const size = Number.parseInt(text(header, 124, 12), 8);
    const type = text(header, 156, 1);
    at += BLOCK_BYTES;
    if (type === '0' || type === '') yield { name, content: archive.subarray(at, at + size) };
    at += Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
  }
}

function text(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString('latin1', 0, end === -1 ? length : end);
}
