import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { FROM_SOURCE } from '../../test/support/from-source.ts';
import { interleave, type Stat } from '../measure.ts';
import type { Row } from '../rows.ts';
import type { Setting } from '../setting.ts';

const WRITER = join(import.meta.dirname, '..', 'existing.ts');
const RUNS = 5;

const COMMON = { mode: 0o600, notify: [] };
const NAMES = { accessKeyId: 'A', secretAccessKey: 'B', sessionToken: 'C', expiration: null };

/** Without their path. */
export const SINKS: Readonly<Record<string, object>> = {
  'aws-credentials': {
    ...{ ...COMMON, format: 'aws-credentials', profile: 'default', securityToken: 'auto' },
    ...{ accountId: false, comment: false },
  },
  dotenv: { ...COMMON, format: 'dotenv', prefix: '', names: NAMES, export: false, only: false, comment: false },
  json: { ...COMMON, format: 'json', content: { shape: 'imds' } },
};

/** What whoever owns a file can fill it with: how it begins, and what goes on to its end. */
export const UNITS: Readonly<Record<string, readonly [first: string, unit: string]>> = {
  'other sections': ['', '[a]\nb = c\n'],
  sections: ['', '[default]\n'],
  'settings of the profile': ['[default]\n', 'a=b\n'],
  keys: ['', 'aws_session_token = x\n'],
  assignments: ['', 'a=b\n'],
  'blank lines': ['', '\n'],
  'quoted lines': ['', "A='x\n'\n"],
  brackets: ['', '['],
  commands: ['', ')\n'],
};

interface Cost {
  readonly milliseconds: number;
  readonly megabytes: number;
}

/** The dearest file of 1 MiB that another user can have a sink begin with, for each format. */
export async function existingRows(setting: Setting): Promise<Row[]> {
  const rows: Row[] = [];
  for (const format of Object.keys(SINKS)) {
    for (const [kind, unit, limit] of [
      ['milliseconds', 'ms', 100],
      ['megabytes', 'MB', 50],
    ] as const) {
      const measures = Object.keys(UNITS).map((what) => [what, () => write(setting, format, what)[kind]] as const);
      const stats = await interleave(Object.fromEntries(measures), RUNS);
      const [what, ours] = dearest(stats);
      rows.push({
        ...{ group: 'an existing file of 1 MiB', name: `${format}, full of ${what}`, unit, ours },
        budget: { of: 'value', limit },
      });
    }
  }
  return rows;
}

function dearest(stats: Readonly<Record<string, Stat>>): readonly [string, Stat] {
  const [first] = Object.entries(stats).sort(([, a], [, b]) => b.median - a.median);
  if (!first) throw new Error('expected files to measure');
  return first;
}

function write({ node, site }: Setting, format: string, what: string): Cost {
  const args = [...FROM_SOURCE.slice(1), WRITER, format, what, site.fresh('existing')];
  const { status, stdout, stderr } = spawnSync(node, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`existing ${format} ${what}: ${stderr}`);
  return JSON.parse(stdout) as Cost;
}
