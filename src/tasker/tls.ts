import { readFileSync } from 'node:fs';
import { BrokerError, messageOf } from '../errors.ts';

/** How a connection is protected: the part of Node's TLS options that the URL decides; false for none. */
export type TlsSettings =
  | false
  | {
      readonly rejectUnauthorized: boolean;
      readonly ca?: string;
      readonly cert?: string;
      readonly key?: string;
      /** Set where the host's name is not to be checked. */
      readonly checkServerIdentity?: () => undefined;
    };

/** The modes of libpq, with its meaning of each; those that fall back to no TLS without a word are refused. */
const MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
type Mode = (typeof MODES)[number];

const PARAMETERS = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey'] as const;

/**
 * Takes the TLS parameters out of a database URL, so that they mean what they mean to libpq, and reads the files they
 * name. `caFile` is `sslrootcert` from the configuration; with it and no mode, host and chain are verified. Throws
 * ERR_CONFIG_INVALID.
 */
export function takeTlsSettings(url: URL, caFile: string | null): TlsSettings {
  const [mode, rootCert, cert, key] = PARAMETERS.map((name) => take(url, name));
  const other = [...url.searchParams.keys()].find((name) => name.startsWith('ssl'));
  if (other !== undefined) throw invalid(`expected of TLS only ${PARAMETERS.join(', ')}, got ${other}`);
  const ca = caFile ?? rootCert ?? null;
  const checked = modeOf(mode ?? null, ca);
  if (checked === 'disable') {
    if (ca !== null) throw invalid('got a CA file and sslmode=disable; leave one of them out');
    return false;
  }
  return {
    rejectUnauthorized: checked !== 'require',
    ...(ca !== null && { ca: read(ca, 'CA file') }),
    ...(cert != null && { cert: read(cert, 'sslcert') }),
    ...(key != null && { key: read(key, 'sslkey') }),
    ...(checked !== 'verify-full' && { checkServerIdentity: () => undefined }),
  };
}

function take(url: URL, name: string): string | null {
  const value = url.searchParams.get(name);
  url.searchParams.delete(name);
  return value;
}

/** As in libpq, `require` with a CA verifies the chain. */
function modeOf(given: string | null, ca: string | null): Mode {
  if (given === null) return ca === null ? 'disable' : 'verify-full';
  const mode = MODES.find((known) => known === given);
  if (mode === undefined) {
    throw invalid(
      `expected sslmode ${MODES.join(', ')}, got ${given.slice(0, 40)}: a broker never falls back to no TLS`,
    );
  }
  if (mode === 'verify-ca' && ca === null) {
    throw invalid('sslmode=verify-ca needs a CA: set [database] ca_file, or use verify-full');
  }
  return mode === 'require' && ca !== null ? 'verify-ca' : mode;
}

function read(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new BrokerError(
      'ERR_CONFIG_INVALID',
      `database URL: cannot read the ${what}: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

function invalid(message: string): BrokerError {
  return new BrokerError('ERR_CONFIG_INVALID', `database URL: ${message}`);
}
