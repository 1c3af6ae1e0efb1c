// Compares what the executable contains with the list of known faults in packaging/advisories.json, which the maintainers
// keep by hand: npm run advisories. Ends with 1 where a fault that concerns us is open, or the list is too old to say so.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import semver from 'semver';
import { array, boolean, check, isoDate, object, parse, pipe, string, type InferOutput } from 'valibot';
import { ROOT } from './package/product.ts';
import { bundledVersions } from './package/third-party.ts';

const advisory = object({
  id: string(),
  /** As `bundledVersions` names it. */
  package: string(),
  affected: pipe(
    string(),
    check((range) => semver.validRange(range) !== null, 'expected a range of versions'),
  ),
  concernsUs: boolean(),
  reason: string(),
});
const listSchema = object({
  checked: pipe(string(), isoDate()),
  sources: array(string()),
  advisories: array(advisory),
});

type Advisory = InferOutput<typeof advisory>;

export interface Verdict {
  /** Faults in what is bundled. */
  readonly open: readonly Advisory[];
  /** Days since somebody looked for new ones. */
  readonly age: number;
  readonly isGood: boolean;
}

/** As SECURITY.md promises a look. */
const MAX_AGE = 30;
const DAY = 86_400_000;

if (import.meta.main) process.exitCode = await main();

async function main(): Promise<number> {
  const bundled = await bundledVersions();
  const { open, age, isGood } = judge(readList(), bundled, Date.now());
  for (const { name, version } of bundled) console.log(`${name} ${version}`);
  for (const { id, package: name, concernsUs, reason } of open)
    console.log(`${concernsUs ? 'OPEN' : 'open, not ours'}: ${id} in ${name}: ${reason}`);
  const when = `packaging/advisories.json was checked ${age} days ago (at most ${MAX_AGE})`;
  console.log(`${open.length} known faults in ${bundled.length} parts; ${when}`);
  return isGood ? 0 : 1;
}

export function readList(
  text = readFileSync(join(ROOT, 'packaging/advisories.json'), 'utf8'),
): InferOutput<typeof listSchema> {
  return parse(listSchema, JSON.parse(text));
}

/** `now`: epoch milliseconds. */
export function judge(
  { checked, advisories }: ReturnType<typeof readList>,
  bundled: Awaited<ReturnType<typeof bundledVersions>>,
  now: number,
): Verdict {
  const versions = new Map(bundled.map(({ name, version }) => [name, version]));
  const open = advisories.filter((one) => {
    const version = versions.get(one.package);
    return version !== undefined && semver.satisfies(version, one.affected, { includePrerelease: true });
  });
  const age = Math.floor((now - Date.parse(checked)) / DAY);
  return { open, age, isGood: age <= MAX_AGE && !open.some(({ concernsUs }) => concernsUs) };
}
