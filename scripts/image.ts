// Makes the container image of the product for both architectures: dist/credrotate-VERSION-oci.tar. `--x64` and `--arm64`
// choose one. `--fast` makes that of this machine in dist/fast/ in a moment, for tests. `--renew` first takes the
// packages that Debian has today.
import { execFile } from 'node:child_process';
import { mkdir, mkdtempDisposable, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { object, parse, string, tuple } from 'valibot';
import { alone } from './alone.ts';
import { isCurrent, keep } from './current.ts';
import { contents, SBOM } from './package/contents.ts';
import { debianPackages, renewPins } from './package/debian.ts';
import { buildImage, type ImagePart } from './package/image.ts';
import { OUTPUT, sourceDate, VERSION, type Order } from './package/product.ts';
import { sbomText } from './package/sbom.ts';
import { digestOf } from './package/stage.ts';
import { bundledPackages } from './package/third-party.ts';
import { provideTools } from './package/tools.ts';
import { HOST, type Architecture } from './runtime.ts';

const INDEX = object({ manifests: tuple([object({ digest: string() })]) });

if (import.meta.main) await main();

async function main(): Promise<void> {
  const flag = { type: 'boolean' } as const;
  const { values } = parseArgs({ options: { fast: flag, renew: flag, x64: flag, arm64: flag } });
  const fast = values.fast === true;
  const chosen = (['x64', 'arm64'] as const).filter((one) => values[one]);
  const all = fast ? [HOST] : (['x64', 'arm64'] as const);
  if (values.renew) await renewPins();
  await makeImage(chosen.length > 0 ? chosen : all, fast);
}

/** Makes the image unless it is current, and returns its path. Any number of processes may ask for it at once. */
export async function makeImage(architectures: readonly Architecture[] = [HOST], fast = true): Promise<string> {
  await provideTools();
  const parts: ImagePart[] = [];
  for (const architecture of architectures)
    parts.push(await partOf({ format: 'tar', architecture, date: sourceDate(), fast }));
  const directory = fast ? join(OUTPUT, 'fast') : OUTPUT;
  const path = join(directory, `credrotate-${VERSION}-oci.tar`);
  const key = digestOf(
    'image',
    parts.flatMap(({ installed }) => installed),
    parts.map(({ order }) => order),
  );
  await mkdir(directory, { recursive: true });
  const current = await alone(join(directory, `.${basename(path)}.lock`), async () => {
    if (await isCurrent(path, key)) return true;
    await using work = await mkdtempDisposable(join(directory, '.image-'));
    await keep(await buildImage(work.path, parts), path, key);
    return false;
  });
  const { size } = await stat(path);
  const said = `${current ? 'up to date' : 'made'}, ${(size / 1e6).toFixed(1)} MB, ${await digestOfIndex(path)}`;
  console.log(`${basename(path)}: ${said}`);
  return path;
}

/** What the packages install, with a list of parts that has Debian's too. */
async function partOf(order: Order): Promise<ImagePart> {
  const debian = await debianPackages(order.architecture);
  const list = sbomText(await bundledPackages(), order.architecture, order.date, debian);
  const installed = (await contents(order)).map((one) => (one.path === SBOM ? { ...one, content: list } : one));
  return { order, installed, debian };
}

/** By which registries name the image. */
async function digestOfIndex(archive: string): Promise<string> {
  const { stdout } = await promisify(execFile)('tar', ['-xOf', archive, 'index.json']);
  return parse(INDEX, JSON.parse(stdout)).manifests[0].digest;
}
