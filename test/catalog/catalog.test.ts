import { describe, expect, it } from 'vitest';
import { admitArtifact } from '../../src/catalog/admit.ts';
import { type CatalogEntry, compareVersions, createCatalog } from '../../src/catalog/catalog.ts';
import { DEFAULT_LIMITS } from '../../src/model/limits.ts';
import { ECHO } from '../guests/wat.ts';

const artifact = admitArtifact(ECHO, null, DEFAULT_LIMITS);
const entry = (name: string, version: string): CatalogEntry => ({
  name,
  version,
  artifact,
  checkConfig: async () => ({ allowed: true }),
  configSchema: {},
  checkOutput: null,
});
const catalog = createCatalog([
  entry('echo', '1.2.0'),
  entry('echo', '1.10.0'),
  entry('echo', '2.0.0-rc.1'),
  entry('other', '0.1.0'),
]);
const versionOf = (callable: string) => {
  const found = catalog.find(callable);
  return found.allowed ? found.entry.version : `${found.code}: ${found.message}`;
};

describe('a callable', () => {
  it('without a version means the newest one', () => {
    expect(versionOf('echo')).toBe('2.0.0-rc.1');
    expect(versionOf('other')).toBe('0.1.0');
  });

  it('may name a version or a digest', () => {
    expect(versionOf('echo@1.2.0')).toBe('1.2.0');
    expect(versionOf(`other@${artifact.digest}`)).toBe('0.1.0');
  });

  it('of an unknown handler is refused with what there is', () => {
    expect(versionOf('missing')).toBe(
      'ERR_HANDLER_UNKNOWN: no handler "missing" in the catalog; handlers: echo, other',
    );
    expect(versionOf('echo@9.9.9')).toBe(
      'ERR_HANDLER_UNKNOWN: no handler "echo@9.9.9" in the catalog; versions of echo: 2.0.0-rc.1, 1.10.0, 1.2.0',
    );
  });

  it('of the wrong shape is refused with the right one', () => {
    expect(versionOf('../etc/passwd')).toContain('expected NAME, NAME@1.2.3 or NAME@sha256:');
    expect(versionOf('__proto__')).toContain('ERR_HANDLER_UNKNOWN');
  });
});

describe('a catalog', () => {
  it('refuses two entries of one name and version', () => {
    expect(() => createCatalog([entry('a', '1.0.0'), entry('a', '1.0.0')])).toThrow(
      expect.objectContaining({
        code: 'ERR_CATALOG_INVALID',
        message: 'a@1.0.0 exists twice in the catalog',
      }),
    );
  });

  it('orders versions by number, pre-releases before their release', () => {
    const sorted = ['1.10.0', '1.2.0', '2.0.0', '2.0.0-rc.2', '2.0.0-rc.10'].sort(compareVersions);
    expect(sorted).toEqual(['1.2.0', '1.10.0', '2.0.0-rc.2', '2.0.0-rc.10', '2.0.0']);
  });
});
