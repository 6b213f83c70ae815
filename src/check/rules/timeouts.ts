import type { Config } from '../../config.ts';
import type { Finding } from '../finding.ts';
import { type CheckedStep, quote, type Rule } from '../subject.ts';

/** Tasker gives up a task whose steps have been in process for 30 minutes; a step has to end well before. */
const TIMEOUT_MAX_S = 25 * 60;

/** No step may run longer than Tasker waits for it, and each may run as long as it says. */
export const checkTimeouts: Rule = ({ steps, config }) =>
  steps.flatMap((checked) => timeoutFaults(checked, config));

function timeoutFaults({ step, index }: CheckedStep, config: Config | null): readonly Finding[] {
  const seconds = step.timeout_seconds;
  const path = ['steps', index, 'timeout_seconds'];
  if (seconds === null) return [];
  if (seconds > TIMEOUT_MAX_S) {
    const message = `expected timeout_seconds of at most ${TIMEOUT_MAX_S}, got ${seconds} in step ${quote(step.name)}`;
    return [
      {
        code: 'timeout-too-long',
        path,
        message,
        cure: 'lower it: Tasker gives up a task whose step runs for 30 minutes',
      },
    ];
  }
  const ceilingMs = config?.limits.wall_ms;
  if (ceilingMs === undefined || seconds * 1000 <= ceilingMs) return [];
  const message = `timeout_seconds is ${seconds}, but this broker stops a step after ${ceilingMs / 1000}`;
  return [
    {
      code: 'timeout-cut',
      path,
      message,
      cure: 'raise limits.wall_ms in broker.toml, or lower timeout_seconds',
    },
  ];
}
