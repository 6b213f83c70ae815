import { type DestinationStream, type Logger, pino } from 'pino';
import type { Events } from './events.ts';

export type Log = Logger;

/** Paths whose values never reach a log line. */
const REDACTED = ['*.headers.authorization', '*.password', '*.secret', '*.token', 'databaseUrl'];

export function createLog(level: string, destination: DestinationStream = process.stderr): Log {
  return pino({ level, redact: REDACTED, base: null }, destination);
}

/** Writes the broker's events as log lines. Guest messages are untrusted text: kept in a field of their own. */
export function logEvents(events: Events, log: Log): void {
  events.on('broker:started', (event) => log.info(event, 'broker started'));
  events.on('broker:configured', (event) => log.info(event, 'settings changed'));
  events.on('broker:stopped', () => log.info('broker stopped'));
  events.on('step:claimed', (event) => log.debug(event, 'step claimed'));
  events.on('step:waiting', (event) => log.info(event, 'step waits for a decision'));
  events.on('step:log', ({ level, message, ...step }) =>
    log[level]({ ...step, guest: message }, 'handler log'),
  );
  events.on('step:settled', (event) =>
    event.outcome === 'completed' ? log.debug(event, 'step settled') : log.warn(event, 'step settled'),
  );
  events.on('call:refused', ({ target, ...call }) =>
    log.warn({ ...call, guest: target }, 'host call refused'),
  );
  events.on('handler:refused', (event) => log.error(event, 'handler refused'));
  events.on('lane:lost', (event) => log.error(event, 'lane lost'));
  events.on('queue:warning', (event) => log.warn(event, 'database differs'));
  events.on('handler:quarantined', (event) => log.error(event, 'handler in quarantine'));
  events.on('tape:failed', (event) => log.warn(event, 'tape not written'));
  events.on('queue:error', (event) => log.error(event, 'queue unavailable'));
}
