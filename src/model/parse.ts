import * as z from 'zod';
import { BrokerError, type ErrorCode } from '../errors.ts';

/** Reads a value by its schema, or throws a `BrokerError` whose message names every place that is wrong. */
export function parseOrThrow<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  code: ErrorCode,
  what: string,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new BrokerError(code, `${what}: ${describeIssues(parsed.error)}`);
}

const MAX_ISSUES = 5;

/** `limits.fuel: expected number, received string; grants: …` */
export function describeIssues(error: z.ZodError): string {
  return error.issues
    .slice(0, MAX_ISSUES)
    .map((issue) =>
      issue.path.length === 0 ? issue.message : `${z.core.toDotPath(issue.path)}: ${issue.message}`,
    )
    .join('; ');
}
