import { hash } from 'node:crypto';
import type { CallMessage } from '../protocol.ts';
import type { GivenAnswer, Job } from './job.ts';

/**
 * The answer to call number `position` of one run of `job`. A call that an earlier run made already is not made again:
 * its answer is given, or awaited. Null when this run asks for something else there than the earlier one.
 */
export function answerOf(
  job: Job,
  position: number,
  { wireNumber, payload }: CallMessage,
): Promise<GivenAnswer> | null {
  const requestSha256 = hash('sha256', payload);
  const taped = job.tape[position];
  if (taped !== undefined) {
    return taped.wireNumber === wireNumber && taped.requestSha256 === requestSha256 ? taped.given : null;
  }
  job.abort ??= new AbortController();
  const { authority, tape, abort } = job;
  const given = job
    .boundary(authority, wireNumber, payload, tape.length, abort.signal, requestSha256)
    .then((answer) => {
      const timeMs = job.timeAfterCall();
      job.calls.push(answer.record);
      job.recorder?.add({ wireNumber, answer, timeMs });
      return { answer, timeMs };
    });
  job.tape.push({ wireNumber, requestSha256, given });
  return given;
}
