import { existsSync, globSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { statOf } from '../measure.ts';
import type { Row } from '../rows.ts';
import type { Setting } from '../setting.ts';

/** Of the executable, and of the packages that were built last with full compression. */
export function sizeRows({ executable }: Setting): Row[] {
  const packages = globSync('credrotate[_-]*.{deb,rpm}', { cwd: dirname(executable) });
  const files = [executable, ...packages.map((name) => join(dirname(executable), name))].filter((path) =>
    existsSync(path),
  );
  return files.map((path) => ({
    group: 'sizes',
    name: basename(path),
    unit: 'MB',
    ours: statOf([statSync(path).size / 1e6]),
    ...(path.endsWith('.deb') && { budget: { of: 'value', limit: 32 } as const }),
  }));
}
