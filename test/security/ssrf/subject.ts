import { createHttpClient } from '../../../src/host/egress/http-client.ts';
import { createGuest } from '../../host/support/guest.ts';
import { ROW_CLASSES, type Row, type RowClass } from './row.ts';
import type { Visit, World } from './world.ts';

/** Something that sends requests on behalf of code that is not trusted. */
export interface Subject {
  readonly name: string;
  /** Sends what the row says through the world: `ok`, or why not. */
  send(row: Row, visit: Visit, ca: string): Promise<string>;
  /** Is its answer what the row expects? Its own codes are known for the broker only; peers just refuse. */
  agrees(answer: string, expected: Row['expect']): boolean;
}

export interface Verdict {
  readonly row: Row;
  readonly answer: string;
  readonly dialled: readonly string[];
  readonly passed: boolean;
}

/** The host-call boundary as a guest meets it. */
export const BROKER: Subject = {
  name: 'tasker-wasm-broker',
  agrees: (answer, expected) => answer === expected,
  async send(row, { resolve, dial }, ca) {
    const { grant, alsoGranted, limits = {} } = row;
    const http = createHttpClient({ resolve, dial, ca });
    const guest = createGuest({
      grants: [grant, ...(alsoGranted === undefined ? [] : [alsoGranted])].map((scope) => ({
        capability: 'http',
        schemes: ['https', 'http'],
        hosts: ['*'],
        ports: ['*'],
        methods: ['GET', 'HEAD', 'POST'],
        ...scope,
      })),
      limits,
      services: { http },
    });
    try {
      let answer = '';
      for (let sent = 0; sent < (row.times ?? 1); sent += 1) {
        const { status, head, error } = await guest({ method: row.method ?? 'GET', url: row.url });
        answer = status === 0 && head.status === 200 ? 'ok' : error.code;
      }
      return answer;
    } finally {
      await http.close();
    }
  },
};

/** Sends one row, in a world that knows nothing of the rows before. */
export async function judge(subject: Subject, row: Row, world: World): Promise<Verdict> {
  const visit = world.visit(row);
  const answer = await subject.send(row, visit, world.ca);
  const { dialled } = visit;
  const samePlaces = JSON.stringify(dialled) === JSON.stringify(row.dialled);
  return { row, answer, dialled, passed: samePlaces && subject.agrees(answer, row.expect) };
}

/** Passed and all rows of each class. */
export function scoreOf(verdicts: readonly Verdict[]): ReadonlyMap<RowClass, readonly [number, number]> {
  return new Map(
    ROW_CLASSES.map((name) => {
      const own = verdicts.filter(({ row }) => row.class === name);
      return [name, [own.filter(({ passed }) => passed).length, own.length]];
    }),
  );
}
