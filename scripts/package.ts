// Makes the packages of the product in dist/, with their checksums and lists of parts. `--fast` makes those of this
// machine in dist/fast/ in a moment, for tests. `--deb`, `--rpm`, `--tar`, `--x64` and `--arm64`
// choose some of them.
import { createHash } from 'node:crypto';
import { mkdir, mkdtempDisposable, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { alone } from './alone.ts';
import { isCurrent, keep } from './current.ts';
import { contents } from './package/contents.ts';
import { buildDeb, debContents } from './package/deb.ts';
import { NAMES, OUTPUT, sourceDate, VERSION, type Format, type Order } from './package/product.ts';
import { buildRpm } from './package/rpm.ts';
import { sbomText } from './package/sbom.ts';
import { digestOf } from './package/stage.ts';
import { buildTar } from './package/tar.ts';
import { bundledPackages } from './package/third-party.ts';
import { provideTools } from './package/tools.ts';
import { HOST, type Architecture } from './runtime.ts';

const FORMATS: readonly Format[] = ['deb', 'rpm', 'tar'];
const ARCHITECTURES: readonly Architecture[] = ['x64', 'arm64'];

if (import.meta.main) await main();

async function main(): Promise<void> {
  const names = ['fast', ...FORMATS, ...ARCHITECTURES];
  const { values } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'boolean' }])) });
  const chosen = <T extends string>(all: readonly T[]): readonly T[] => all.filter((one) => values[one]);
  const formats = orAll(chosen(FORMATS), FORMATS);
  const fast = values['fast'] === true;
  const architectures = orAll(chosen(ARCHITECTURES), fast ? [HOST] : ARCHITECTURES);
  const date = sourceDate();
  await provideTools();
  const made: string[] = [];
  for (const architecture of architectures)
    for (const format of formats) made.push(await makePackage({ format, architecture, date, fast }));
  if (!fast) await describe(made, architectures, date);
}

function orAll<T>(chosen: readonly T[], all: readonly T[]): readonly T[] {
  return chosen.length > 0 ? chosen : all;
}

/** The packages of this machine, compressed weakly: for tests. */
export async function packageFast(): Promise<Readonly<Record<'deb' | 'rpm', string>>> {
  await provideTools();
  const common = { architecture: HOST, date: sourceDate(), fast: true };
  return {
    deb: await makePackage({ ...common, format: 'deb' }),
    rpm: await makePackage({ ...common, format: 'rpm' }),
  };
}

/** Makes a package unless it is current, and returns its path. Any number of processes may ask for it at once. */
export async function makePackage(order: Order): Promise<string> {
  const { format, architecture, date, fast } = order;
  const directory = fast ? join(OUTPUT, 'fast') : OUTPUT;
  const name = NAMES[architecture][format];
  const files = {
    deb: `credrotate_${VERSION}_${name}.deb`,
    rpm: `credrotate-${VERSION}-1.${name}.rpm`,
    tar: `credrotate-${VERSION}-linux-${name}.tar.xz`,
  };
  const path = join(directory, files[format]);
  const installed = [...(await contents(order)), ...(format === 'deb' ? await debContents(date) : [])];
  const key = digestOf(format, installed, order);
  await mkdir(directory, { recursive: true });
  const current = await alone(join(directory, `.${basename(path)}.lock`), async () => {
    if (await isCurrent(path, key)) return true;
    await using work = await mkdtempDisposable(join(directory, '.package-'));
    const make = { deb: buildDeb, rpm: buildRpm, tar: buildTar }[format];
    await keep(await make(work.path, installed, order), path, key);
    return false;
  });
  const { size } = await stat(path);
  console.log(`${basename(path)}: ${current ? 'up to date' : 'made'}, ${(size / 1e6).toFixed(1)} MB`);
  return path;
}

/** What a release needs beside its packages. */
async function describe(made: readonly string[], architectures: readonly Architecture[], date: number): Promise<void> {
  const packages = await bundledPackages();
  const lists = architectures.map((architecture) => ({
    path: join(OUTPUT, `credrotate-${VERSION}-${NAMES[architecture].deb}.cdx.json`),
    text: sbomText(packages, architecture, date),
  }));
  for (const { path, text } of lists) await writeFile(path, text);
  const files = [...made, ...lists.map(({ path }) => path)].sort();
  const sums = files.map(
    async (file) =>
      `${createHash('sha256')
        .update(await readFile(file))
        .digest('hex')}  ${basename(file)}\n`,
  );
  await writeFile(join(OUTPUT, 'SHA256SUMS'), (await Promise.all(sums)).join(''));
}
