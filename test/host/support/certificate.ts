import { createHash, generateKeyPairSync, sign } from 'node:crypto';

/*
 * A self-signed certificate for a test, made in memory: the few fields of X.509 (RFC 5280) that TLS looks at, in DER.
 */

export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const ECDSA_WITH_SHA256 = '2a8648ce3d040302';
const COMMON_NAME = '550403';
const SUBJECT_ALT_NAME = '551d11';
const BASIC_CONSTRAINTS = '551d13';

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));
const octets = (content: Uint8Array) => der(0x04, content);
const text = (tag: number, value: string) => der(tag, Buffer.from(value, 'latin1'));
const time = (date: Date) => text(0x18, `${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`);

/** A certificate for these DNS names, valid for an hour around now. */
export function createCertificate(...dnsNames: readonly string[]): TestCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const algorithm = der(SEQUENCE, oid(ECDSA_WITH_SHA256));
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, oid(COMMON_NAME), text(0x0c, dnsNames[0] ?? 'test'))));
  const altNames = der(SEQUENCE, ...dnsNames.map((dns) => text(0x82, dns)));
  const isAuthority = der(SEQUENCE, der(0x01, Buffer.from([255])));
  const halfHourMs = 30 * 60 * 1000;
  const tbs = der(
    SEQUENCE,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), createHash('sha256').update(spki).digest().subarray(0, 8)])),
    algorithm,
    name,
    der(SEQUENCE, time(new Date(Date.now() - halfHourMs)), time(new Date(Date.now() + halfHourMs))),
    name,
    spki,
    der(
      0xa3,
      der(
        SEQUENCE,
        der(SEQUENCE, oid(SUBJECT_ALT_NAME), octets(altNames)),
        der(SEQUENCE, oid(BASIC_CONSTRAINTS), octets(isAuthority)),
      ),
    ),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', tbs, privateKey));
  const base64 = der(SEQUENCE, tbs, algorithm, signature).toString('base64');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${base64.match(/.{1,64}/g)?.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}
