// The pictures of docs/, from the sources in scripts/pictures/, a screen that a test prints, and what the bench measured.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Row } from '../bench/rows.ts';
import { boot } from './pictures/boot.ts';
import { overview } from './pictures/overview.ts';
import { pass } from './pictures/pass.ts';
import { performance } from './pictures/performance.ts';
import { statusScreen } from './pictures/status-screen.ts';
import { timeline } from './pictures/timeline.ts';

const ROOT = dirname(import.meta.dirname);

/** By their paths in the repository. */
export function pictures(): Readonly<Record<string, string>> {
  const measured = JSON.parse(readFileSync(join(ROOT, 'bench/results.json'), 'utf8')) as { readonly rows: Row[] };
  return {
    'docs/boot.svg': boot(),
    'docs/overview.svg': overview(),
    'docs/pass.svg': pass(),
    'docs/performance.svg': performance(measured.rows),
    'docs/status.svg': statusScreen(readFileSync(join(ROOT, 'test/report/golden/ok.txt'), 'utf8')),
    'docs/timeline.svg': timeline(),
  };
}

if (import.meta.main) for (const [path, svg] of Object.entries(pictures())) writeFileSync(join(ROOT, path), svg);
