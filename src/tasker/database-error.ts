import { BrokerError, isBrokerError, messageOf } from '../errors.ts';

/*
 * PostgreSQL's conditions by SQLSTATE class, and Node's by error code. pg reports some lost connections only by a
 * message, without a code.
 */
const NETWORK_CODES = /^E(CONN|PIPE|TIMEDOUT|NOTFOUND|AI_AGAIN|HOST|NET)/;
const LOST_CONNECTION =
  /connection terminated|connection error|not queryable|timeout exceeded when trying to connect/i;
/** 08 connection exception, 53 insufficient resources, 57P shutting down or not yet up. */
const UNAVAILABLE_STATE = /^(08|53|57P)/;
/** 40001 serialization failure, 40P01 deadlock, 55P03 lock not available: nothing happened, try again. */
const CONFLICT_STATE = /^(40001|40P01|55P03)$/;
/** 22 data exception, 54 program limit exceeded: this value cannot be stored. */
const DATA_STATE = /^(22|54)/;
/** 28 refused login, 3D000 no such database. */
const LOGIN_STATE = /^(28|3D000)/;

/** Node's and OpenSSL's codes for a certificate or a handshake that is refused, and pg's word for a server without TLS. */
const TLS_CODES =
  /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/;
const WITHOUT_TLS = /does not support SSL/i;

/** The connection failed or the server is going away. Whether the statement took effect is unknown. */
export function isUnavailable(error: unknown): boolean {
  const code = codeOf(error);
  return code === ''
    ? LOST_CONNECTION.test(messageOf(error))
    : NETWORK_CODES.test(code) || UNAVAILABLE_STATE.test(code);
}

/** The statement was rolled back because of somebody else's; the same statement may succeed now. */
export function isConflict(error: unknown): boolean {
  return CONFLICT_STATE.test(codeOf(error));
}

/** PostgreSQL cannot store a value of the statement, however often it is sent. */
export function isUnstorableData(error: unknown): boolean {
  return DATA_STATE.test(codeOf(error));
}

/** A row that must be unique is there already. */
export function isUniqueViolation(error: unknown): boolean {
  return codeOf(error) === '23505';
}

/** `error` as the BrokerError an operator can act on. `name`: `host:port/database`. */
export function databaseError(error: unknown, name: string): BrokerError {
  if (isBrokerError(error)) return error;
  const tls = tlsFault(error);
  if (tls !== null) {
    const message = `expected PostgreSQL at ${name} over TLS as sslmode demands it: ${tls}`;
    return new BrokerError('ERR_DATABASE_TLS', message, { cause: error, details: { database: name } });
  }
  const options = { cause: error, details: { database: name, state: codeOf(error) || null } };
  const because = LOGIN_STATE.test(codeOf(error))
    ? `it refused the login (${messageOf(error)}); check user, password and database name in the database URL`
    : isUnavailable(error)
      ? `no connection could be kept (${codeOf(error) || messageOf(error)}); start it, or correct host and port in the database URL`
      : codeOf(error) === '42501'
        ? `the user lacks a privilege (${messageOf(error)}); grant it or use another user`
        : null;
  if (because === null) {
    return new BrokerError('ERR_INTERNAL', `a statement failed at ${name}: ${messageOf(error)}`, options);
  }
  return new BrokerError('ERR_DATABASE_UNAVAILABLE', `expected PostgreSQL at ${name}: ${because}`, options);
}

function tlsFault(error: unknown): string | null {
  const code = codeOf(error);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return "the server's certificate is for another host; use the name it has, or a certificate for this one";
  }
  if (TLS_CODES.test(code)) {
    return `the server's certificate or handshake is refused (${code}); set [database] ca_file to the CA that signed it`;
  }
  return code === '' && WITHOUT_TLS.test(messageOf(error))
    ? 'the server offers none; switch it on there, or set sslmode=disable'
    : null;
}

function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : '';
  return typeof code === 'string' ? code : '';
}
