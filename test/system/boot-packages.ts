import { execFile } from 'node:child_process';
import { copyFileSync, cpSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { NAMES } from '../../scripts/package/product.ts';
import { HOST } from '../../scripts/runtime.ts';
import { tempDir } from '../support/temp-dir.ts';

const run = promisify(execFile);
const RECIPE = 'packaging/rpm';
const ARCHITECTURE = NAMES[HOST].rpm;

export const CONFFILE = '/etc/credrotate/credrotate.yaml';
/** As version 0.1.0 installed it. */
export const OLD_CONFFILE = readFileSync(join(import.meta.dirname, 'data/credrotate-0.1.0.yaml'), 'utf8');

/** The same package as a later version. */
export async function nextVersion(t: TestContext, deb: string): Promise<string> {
  return await rebuiltDeb(t, deb, '1000', () => undefined);
}

/** The same package as version 0.1.0 would have made it: with a conffile. */
export async function conffileDeb(t: TestContext, deb: string): Promise<string> {
  return await rebuiltDeb(t, deb, '0.0.9', (tree) => {
    writeFileSync(join(tree, CONFFILE), OLD_CONFFILE);
    writeFileSync(join(tree, 'DEBIAN/conffiles'), `${CONFFILE}\n`);
    edit(join(tree, 'DEBIAN/postinst'), / retire_conffile;/, ' :;');
  });
}

async function rebuiltDeb(
  t: TestContext,
  deb: string,
  version: string,
  change: (tree: string) => void,
): Promise<string> {
  const directory = tempDir(t);
  const tree = join(directory, 'tree');
  const made = join(directory, `credrotate_${version}_${basename(deb, '.deb').split('_')[2] ?? ''}.deb`);
  await run('dpkg-deb', ['--raw-extract', deb, tree]);
  edit(join(tree, 'DEBIAN/control'), /^Version: .*$/m, `Version: ${version}`);
  change(tree);
  await run('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, made]);
  return made;
}

/** The .rpm as version 0.1.0 would have made it: with a configuration. */
export async function configurationRpm(t: TestContext, rpm: string): Promise<string> {
  return await rebuiltRpm(t, rpm, '0.0.9', (staged, recipe) => {
    writeFileSync(join(staged, CONFFILE), OLD_CONFFILE);
    edit(join(recipe, 'credrotate.spec'), /^%ghost .*$/m, '');
    edit(join(recipe, 'post.sh'), /^ {2}retire_configuration$/m, '  :');
  });
}

/** The same package as a later version. */
export async function nextRpm(t: TestContext, rpm: string): Promise<string> {
  return await rebuiltRpm(t, rpm, '1000', () => undefined);
}

async function rebuiltRpm(
  t: TestContext,
  rpm: string,
  version: string,
  change: (staged: string, recipe: string) => void,
): Promise<string> {
  const directory = tempDir(t);
  const recipe = join(directory, 'recipe');
  const staged = join(directory, 'staged');
  mkdirSync(staged);
  copyFileSync(rpm, join(directory, 'now.rpm'));
  await run('rpm2archive', ['now.rpm'], { cwd: directory });
  await run('tar', ['--extract', '--gzip', '--file', join(directory, 'now.rpm.tgz'), '--directory', staged]);
  cpSync(RECIPE, recipe, { recursive: true });
  change(staged, recipe);
  const paths = globSync('{usr/**/*,etc/**/*}', { cwd: staged })
    .filter((path) => path.includes('credrotate'))
    .map((path) => `/${path}`);
  const lines = paths.map((path) => listed(path, statSync(join(staged, path)).isDirectory()));
  writeFileSync(join(directory, 'files'), `${lines.join('\n')}\n`);
  const name = `credrotate-${version}-1.${ARCHITECTURE}.rpm`;
  const macros = {
    _topdir: directory,
    _rpmdir: directory,
    _build_name_fmt: name,
    _binary_payload: 'w1.zstdio',
    product_version: version,
    changelog_date: 'Mon Nov 30 2026',
    maintainer: 'nobody <nobody@credrotate.example>',
    homepage: 'https://credrotate.example',
    source_repository: 'https://credrotate.example',
    bundled: 'bundled(nodejs) = 1',
    scriptlets: recipe,
    staged,
    file_list: join(directory, 'files'),
  };
  const defines = Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
  await run('rpmbuild', [
    '-bb',
    '--quiet',
    '--target',
    `${ARCHITECTURE}-linux`,
    ...defines,
    join(recipe, 'credrotate.spec'),
  ]);
  return join(directory, name);
}

function listed(path: string, isDirectory: boolean): string {
  if (path === CONFFILE) return `%config(noreplace) "${path}"`;
  return isDirectory ? `%dir "${path}"` : `"${path}"`;
}

function edit(file: string, what: RegExp, by: string): void {
  const text = readFileSync(file, 'utf8');
  if (!what.test(text)) throw new Error(`${file}: expected ${String(what)}, got nothing like it`);
  writeFileSync(file, text.replace(what, by));
}
