import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { BrokerError } from '../../errors.ts';

/**
 * How PostgreSQL, which refuses uid 0, is started by root: in a user namespace, or as an unprivileged account. `auto`
 * takes the first that works.
 */
export type RootMode = 'auto' | 'namespace' | 'account';

/** How commands of the server are run. */
export interface Launch {
  readonly mode: 'self' | 'namespace' | 'account';
  /** Put before the command and its arguments. */
  readonly prefix: readonly string[];
  /** The account of `mode: 'account'`. */
  readonly account: { readonly uid: number; readonly gid: number } | null;
  /** Who owns the data directory, seen from outside any namespace. */
  readonly owner: { readonly uid: number; readonly gid: number };
}

/** Runs a command to its end; true when it exits with 0. */
export type Attempt = (argv: readonly string[], account: Launch['account']) => boolean;

/** The standard folders. The caller's own PATH is not used: these commands may run as root. */
export const COMMAND_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export const attempt: Attempt = (argv, account) => {
  const [command, ...args] = argv;
  if (command === undefined) return false;
  const { status } = spawnSync(command, args, {
    cwd: '/',
    env: { PATH: COMMAND_PATH },
    stdio: 'ignore',
    ...(account ?? {}),
  });
  return status === 0;
};

/**
 * Decides by trying. `setpriv --pdeathsig` is added where it exists: it also ends the server when the supervisor is
 * killed with SIGKILL.
 *
 * @throws BrokerError ERR_PLATFORM_UNSUPPORTED when root has no way to run as anyone else
 */
export function decideLaunch(
  rootMode: RootMode = 'auto',
  tryRun: Attempt = attempt,
  self = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
): Launch {
  if (self.uid !== 0)
    return withDeathSignal({ mode: 'self', prefix: [], account: null, owner: self }, tryRun);
  const accounts = readAccounts();
  const [first] = accounts;
  if (rootMode !== 'account' && first !== undefined) {
    // initdb wants the name of its uid, so the uid inside the namespace is one that has a name.
    const prefix = ['unshare', '-U', `--map-user=${first.uid}`, `--map-group=${first.gid}`, '--'];
    if (tryRun([...prefix, 'true'], null)) {
      return withDeathSignal({ mode: 'namespace', prefix, account: null, owner: self }, tryRun);
    }
  }
  const account = accounts.find((candidate) => candidate.name === 'nobody') ?? accounts.at(-1);
  if (rootMode !== 'namespace' && account !== undefined) {
    const { uid, gid } = account;
    if (tryRun(['true'], { uid, gid })) {
      const launch: Launch = { mode: 'account', prefix: [], account: { uid, gid }, owner: { uid, gid } };
      return withDeathSignal(launch, tryRun);
    }
  }
  throw new BrokerError(
    'ERR_PLATFORM_UNSUPPORTED',
    'PostgreSQL does not run as root, and neither a user namespace (unshare -U) nor an unprivileged account works' +
      ' here; run as an ordinary user, or set DATABASE_URL to a PostgreSQL 18 that has the pgmq extension',
  );
}

function withDeathSignal(launch: Launch, tryRun: Attempt): Launch {
  const prefix = [...launch.prefix, 'setpriv', '--pdeathsig', 'INT', '--'];
  return tryRun([...prefix, 'true'], launch.account) ? { ...launch, prefix } : launch;
}

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** The accounts of this machine other than root. */
function readAccounts(): Account[] {
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter(({ uid, gid }) => uid > 0 && gid > 0);
}
