import { hash } from 'node:crypto';
import type { BoundaryAnswer } from '../../host/host-call.ts';
import type { CallMessage } from '../protocol.ts';
import type { Job } from './job.ts';

/**
 * The answer to call number `position` of one run of `job`. A call that an earlier run made already is not made again:
 * its answer is given, or awaited. Null when this run asks for something else there than the earlier one.
 */
export function answerOf(
  job: Job,
  position: number,
  { wireNumber, payload }: CallMessage,
): Promise<BoundaryAnswer> | null {
  const requestSha256 = hash('sha256', payload);
  const taped = job.tape[position];
  if (taped !== undefined) {
    return taped.wireNumber === wireNumber && taped.requestSha256 === requestSha256 ? taped.answer : null;
  }
  job.abort ??= new AbortController();
  const { authority, tape, abort } = job;
  const answer = job.boundary(authority, wireNumber, payload, tape.length, abort.signal).then((made) => {
    job.calls.push(made.record);
    return made;
  });
  job.tape.push({ wireNumber, requestSha256, answer });
  return answer;
}
