import { parseCallable } from '../../catalog/callable.ts';
import type { Finding } from '../finding.ts';
import type { CheckedStep, Rule } from '../subject.ts';

/** Every step's handler is one that the catalog serves. */
export const checkHandlers: Rule = ({ steps, catalog }) => {
  const served = steps.some(({ entry }) => entry !== null);
  return steps.flatMap((checked) => {
    const found = catalog.find(checked.step.handler.callable);
    return found.allowed ? [] : [unknownHandler(checked, found.message, served)];
  });
};

/**
 * A callable that cannot be ours belongs to another worker, which cannot have it either: Tasker puts all steps of a task
 * into the one queue of its namespace.
 */
function unknownHandler({ step, index }: CheckedStep, message: string, served: boolean): Finding {
  const path = ['steps', index, 'handler', 'callable'];
  if (parseCallable(step.handler.callable).allowed) {
    const cure = 'use one that the message lists, or add its folder under [catalog] folders';
    return { code: 'handler-unknown', path, message, cure };
  }
  return {
    code: 'handler-foreign',
    path,
    message: `${message}; a handler of another worker`,
    cure: served
      ? 'a task cannot mix workers: Tasker sends all its steps to the queue of one namespace; move this step into a template of its own, in the namespace of its worker'
      : 'none of these steps are for this broker: register the template with the worker that has them',
  };
}
