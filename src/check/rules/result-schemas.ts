import type { Rule } from '../subject.ts';

/** Every `result_schema` is one that outputs can be checked against. */
export const checkResultSchemas: Rule = ({ steps, catalog }) =>
  steps.flatMap(({ step, index }) => {
    if (step.result_schema === undefined || step.result_schema === null) return [];
    const compiled = catalog.resultSchema(step.result_schema);
    if (compiled.allowed) return [];
    const cure = 'use the part of JSON Schema 2020-12 whose checks take a bounded time';
    return [
      {
        code: 'result-schema-invalid',
        path: ['steps', index, 'result_schema'],
        message: compiled.message,
        cure,
      },
    ];
  });
