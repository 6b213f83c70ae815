import type { Rule } from '../subject.ts';
import { quote } from '../subject.ts';

/** The template's namespace is the one whose queue the broker reads. */
export const checkNamespaceOfBroker: Rule = ({ template, config }) => {
  const { namespace_name: got } = template;
  const expected = config?.worker.namespace;
  if (expected === undefined || expected === got) return [];
  return [
    {
      code: 'namespace-differs',
      path: ['namespace_name'],
      message: `expected namespace ${quote(expected)}, which this broker serves, got ${quote(got)}`,
      cure: 'change namespace_name, or [worker] namespace in broker.toml; a broker serves one namespace',
    },
  ];
};
