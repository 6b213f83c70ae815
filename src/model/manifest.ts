import * as z from 'zod';
import { ABIS } from './abi.ts';
import { Grants } from './grant.ts';
import { PartialLimits } from './limits.ts';

const fileName = z.string().regex(/^[A-Za-z0-9_.-]+$/, 'expected a file name beside the manifest');

/** What a handler declares about itself. Everything in it is a request; the operator's policy decides. */
export const Manifest = z.strictObject({
  name: z
    .string()
    .max(64)
    .regex(/^[a-z][a-z0-9_]*$/, 'expected lower case letters, digits and underscores')
    .describe('Name by which steps refer to the handler.'),
  version: z
    .string()
    .max(32)
    .regex(/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/, 'expected a version such as 1.2.3')
    .describe('Semantic version.'),
  abi: z.enum(ABIS).describe('Guest ABI of the module.'),
  description: z.string().max(500).default('').describe('One sentence for people.'),
  capabilities: Grants.default([]).describe('Grants the handler asks for.'),
  limits: PartialLimits.default({}).describe('Limits below the defaults that are enough for it.'),
  config: fileName.optional().describe('File with the JSON Schema of the configuration.'),
  output: fileName
    .optional()
    .describe('File with the JSON Schema of the output; one that violates it fails.'),
});
export type Manifest = Readonly<z.infer<typeof Manifest>>;
