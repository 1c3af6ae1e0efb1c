import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { interleave } from '../measure.ts';
import type { Row } from '../rows.ts';
import type { Setting } from '../setting.ts';
import { FROM_SOURCE } from '../../test/support/from-source.ts';

const WRITER = join(import.meta.dirname, '..', 'writer.ts');
/** How many sinks, in how many directories. */
const CASES = [
  [1, 1],
  [10, 1],
  [100, 1],
  [1_000, 1],
  [10_000, 1],
  [10_000, 100],
] as const;
const RUNS = 15;
/** Of what takes long, or varies less than the disk. */
const FEW_RUNS = 5;

/** All sinks of a rotation on a trusted path, synced, beside a bare loop of open, write, fsync and rename. */
export async function writingRows(setting: Setting): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [count, directories] of CASES) {
    const measure = (mode: string) => () => write(setting, mode, count, directories).milliseconds;
    const { ours, bare } = await interleave(
      { bare: measure('bare'), ours: measure('ours') },
      count > 1_000 ? FEW_RUNS : RUNS,
    );
    rows.push({
      group: 'writing, in one process',
      name: `${count} ${count === 1 ? 'sink' : 'sinks'}${directories === 1 ? '' : ` in ${directories} directories`}`,
      unit: 'ms',
      ours,
      against: { name: 'bare loop', value: bare },
      ...(count === 1_000 && { budget: { of: 'ratio', limit: 1.2 } as const }),
    });
  }
  const memory = (count: number) => () => write(setting, 'ours', count).kilobytes / count;
  const cases = { '100': memory(100), '1000': memory(1_000), '10000': memory(10_000) };
  const { '100': few, ...more } = await interleave(cases, FEW_RUNS);
  for (const [count, many] of Object.entries(more)) {
    rows.push({
      group: 'writing, in one process',
      name: `memory per sink, of ${count}`,
      unit: 'kB',
      ours: many,
      against: { name: 'of 100', value: few },
      budget: { of: 'ratio', limit: 1.5 },
    });
  }
  return rows;
}

interface Written {
  readonly milliseconds: number;
  readonly kilobytes: number;
}

function write({ node, site }: Setting, mode: string, count: number, directories = 1): Written {
  const directory = site.fresh('many');
  const args = [...FROM_SOURCE.slice(1), '--expose-gc', WRITER, mode, String(count), directory, String(directories)];
  const { status, stdout, stderr } = spawnSync(node, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`writer ${mode} ${count}: ${stderr}`);
  return JSON.parse(stdout) as Written;
}
