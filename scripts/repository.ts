// Makes a signed repository for apt and dnf from the packages in dist/, as files for any web server or bucket:
// npm run repository -- --key FINGERPRINT [--key NEXT] [--former KEY] [--from DIRECTORY] [--to DIRECTORY] [--url URL] [--days DAYS]
// What an earlier run made in the directory stays; a package is never replaced by another of its name. With
// SOURCE_DATE_EPOCH the same packages, keys and directory give the same bytes.
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { existsSync, globSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { OUTPUT, PACKAGES_URL } from './package/product.ts';
import { provideTools } from './package/tools.ts';
import { indexApt, POOL } from './repository/apt.ts';
import { clientFiles } from './repository/clients.ts';
import { keyringPackage } from './repository/keyring.ts';
import { openSigner, type Signer } from './repository/signer.ts';
import { addRpm, indexYum } from './repository/yum.ts';

const TOOLS = { 'apt-ftparchive': 'apt-utils', createrepo_c: 'createrepo-c', gpg: 'gnupg', rpmsign: 'rpm' };

/** apt-ftparchive tells the architecture by it, and leaves out others without a word. */
const DEB_NAME = /\/[a-z0-9+.-]+_[^_/]+_[a-z0-9]+\.deb$/;

export interface RepositoryOrder {
  /** Of keys that gpg has: the one in force first, then, for as long as both sign, the next one. */
  readonly keys: readonly string[];
  /** Keys that sign no more, and whose packages are still there. */
  readonly former?: readonly string[];
  /** Directories with packages. */
  readonly from: readonly string[];
  readonly to: string;
  /** Where it will be published. */
  readonly url: string;
  /** Days that clients believe the index; it has to be made again before. */
  readonly days: number;
  /** Seconds since 1970. */
  readonly date: number;
  /** That of gpg, with the secret keys; the usual one if left out. */
  readonly keyDirectory?: string;
}

if (import.meta.main) await main();

async function main(): Promise<void> {
  const text = { type: 'string' } as const;
  const list = { type: 'string', multiple: true } as const;
  const { values } = parseArgs({
    options: { key: list, former: list, from: list, to: text, url: text, days: text },
  });
  if (values.key === undefined) throw new Error('--key: expected the fingerprint of the key that signs, got none');
  const days = Number(values.days ?? 14);
  if (!(days >= 1 && days <= 365)) throw new Error(`--days: expected 1 to 365, got ${values.days ?? ''}`);
  const epoch = process.env['SOURCE_DATE_EPOCH'];
  await makeRepository({
    keys: values.key,
    former: values.former ?? [],
    from: (values.from ?? [OUTPUT]).map((path) => resolve(path)),
    to: resolve(values.to ?? join(OUTPUT, 'repository')),
    url: values.url ?? PACKAGES_URL,
    days,
    date: epoch ? Number(epoch) : Math.floor(Date.now() / 1000),
  });
}

/** Adds the packages to the repository in a directory, which may be new, and signs it again. */
export async function makeRepository(order: RepositoryOrder): Promise<void> {
  await provideTools(TOOLS);
  const signer = await openSigner(order);
  const packages = order.from.flatMap((directory) => globSync(join(directory, '*.{deb,rpm}'))).sort();
  if (packages.length === 0) throw new Error(`${order.from.join(', ')}: expected packages, got none`);
  for (const file of packages) await addPackage(file, order, signer);
  const keyring = join(order.to, 'credrotate-archive-keyring.asc');
  await addKeyring(keyring, order, signer);
  await indexApt(order, signer);
  await indexYum(order, signer);
  for (const [name, content] of Object.entries(clientFiles(order.url))) await writeFile(join(order.to, name), content);
  console.log(`${order.to}: ${String(packages.length)} packages, signed by ${order.keys.join(' and ')}`);
}

async function addPackage(file: string, { to }: RepositoryOrder, signer: Signer): Promise<void> {
  if (file.endsWith('.rpm')) {
    await addRpm(file, to, signer);
    return;
  }
  if (!DEB_NAME.test(file)) throw new Error(`${file}: expected a name like credrotate_1.0.0_amd64.deb`);
  const target = join(to, 'apt', POOL, basename(file));
  await mkdir(dirname(target), { recursive: true });
  await refuseToReplace(target, file);
  await copyFile(file, target);
}

/** Whoever has fetched a package by its name must get the same bytes tomorrow. */
async function refuseToReplace(target: string, file: string): Promise<void> {
  if (!existsSync(target) || (await readFile(target)).equals(await readFile(file))) return;
  throw new Error(`${target}: expected the same bytes as ${file}, got others: a new package needs a new version`);
}

/** The keys as a file for the first installation, and as a package that brings the next ones; made again when they change. */
async function addKeyring(path: string, order: RepositoryOrder, signer: Signer): Promise<void> {
  const keys = signer.publicKeys;
  if (existsSync(path) && (await readFile(path, 'utf8')) === keys) return;
  const made = await keyringPackage(keys, order.date);
  const target = join(order.to, 'apt', POOL, made.name);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, made.bytes);
  await writeFile(path, keys);
}
