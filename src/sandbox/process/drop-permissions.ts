/**
 * Gives up what Node's permission model still allows this thread, before it sees a byte of a guest: with the permission
 * to start workers it could start one that has every permission. Throws when something stays.
 */
export function dropPermissions(): void {
  for (const scope of [
    'worker',
    'fs.read',
    'fs.write',
    'child',
    'net',
    'addon',
    'wasi',
    'inspector',
    'ffi',
  ]) {
    permission().drop(scope);
    if (permission().has(scope)) throw new Error(`the permission ${scope} could not be given up`);
  }
}

interface Permission {
  has(scope: string): boolean;
  drop(scope: string): void;
}

function permission(): Permission {
  const { permission } = process as unknown as { readonly permission?: Permission };
  if (permission === undefined) throw new Error('this process was started without --permission');
  return permission;
}
