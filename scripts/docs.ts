// Writes the generated pages. `npm run check` fails when they are not what this would write.
import { writeFileSync } from 'node:fs';
import { renderConfigurationPage } from './configuration-page.ts';

writeFileSync(new URL('../docs/configuration.md', import.meta.url), renderConfigurationPage());
