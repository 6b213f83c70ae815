import { INPUT_KEY, NARROWING_KEY } from '../../broker/admission.ts';
import { checkPartialConfig } from '../../catalog/partial-config.ts';
import type { Finding } from '../finding.ts';
import { type CheckedStep, inConfig, type Rule } from '../subject.ts';

/** Every configuration fits its handler's schema, as far as that can be known before references are resolved. */
export const checkConfigurations: Rule = ({ steps }) => steps.flatMap(configurationFaults);

function configurationFaults({ step, index, entry }: CheckedStep): readonly Finding[] {
  if (entry === null) return [];
  const { [NARROWING_KEY]: _narrowing, [INPUT_KEY]: _input, ...config } = step.handler.initialization;
  return checkPartialConfig(entry.configSchema, config).map(({ path, message }) => ({
    code: 'config-invalid',
    path: inConfig(index, path),
    message: `${path.join('.') || 'the configuration'} ${message}`,
    cure: `see the schema of ${entry.name} ${entry.version} (docs/handlers.md)`,
  }));
}
