import { readFile } from 'node:fs/promises';

/** What the sandbox does not protect against, where it applies. */
export interface ResidualRisks {
  /** `In both tiers`, `In threads`, `In processes` */
  readonly where: string;
  readonly risks: readonly string[];
}

/** SECURITY.md is part of the package, and the only place where they are written. */
const PAGE = new URL('../../SECURITY.md', import.meta.url);
const SECTION = '## What remains';

export async function readResidualRisks(): Promise<readonly ResidualRisks[]> {
  return residualRisksIn(await readFile(PAGE, 'utf8'));
}

/** The lists of the section, by its headings. */
function residualRisksIn(page: string): readonly ResidualRisks[] {
  const section = page.slice(page.indexOf(SECTION) + SECTION.length).split('\n## ', 1)[0] ?? '';
  return section
    .split('\n### ')
    .slice(1)
    .map((part) => {
      const [where = '', ...lines] = part.split('\n');
      const items = lines.join('\n').split('\n- ').slice(1);
      return {
        where,
        risks: items.map((item) => item.split('\n\n', 1)[0]?.replace(/\s+/g, ' ').trim() ?? ''),
      };
    });
}
