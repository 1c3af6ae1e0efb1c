import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { DOCUMENTS, LICENCES, type Installed } from './contents.ts';
import { HOMEPAGE, MAINTAINER, NAMES, ROOT, SOURCE_REPOSITORY, VERSION, type Order } from './product.ts';
import { stage } from './stage.ts';
import { bundledVersions } from './third-party.ts';

const run = promisify(execFile);

/** Makes the package in an empty directory, and returns its path. */
export async function buildRpm(directory: string, installed: readonly Installed[], order: Order): Promise<string> {
  const staged = join(directory, 'staged');
  stage(staged, installed, order.date);
  const list = join(directory, 'files');
  writeFileSync(list, fileList(installed));
  const bundled = await bundledVersions();
  const macros = {
    _topdir: directory,
    _rpmdir: directory,
    _build_name_fmt: 'made.rpm',
    _binary_payload: order.fast ? 'w1.zstdio' : 'w6.xzdio',
    product_version: VERSION,
    changelog_date: changelogDate(order.date),
    maintainer: MAINTAINER,
    homepage: HOMEPAGE,
    source_repository: SOURCE_REPOSITORY,
    bundled: bundled.map(({ name, version }) => `bundled(${name}) = ${version.replaceAll('-', '~')}`).join(' '),
    scriptlets: join(ROOT, 'packaging/rpm'),
    staged,
    file_list: list,
  };
  const defines = Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
  const target = ['--target', `${NAMES[order.architecture].rpm}-linux`];
  const env = { ...process.env, LC_ALL: 'C', SOURCE_DATE_EPOCH: String(order.date) };
  await run('rpmbuild', ['-bb', '--quiet', ...target, ...defines, join(ROOT, 'packaging/rpm/credrotate.spec')], {
    env,
  });
  return join(directory, 'made.rpm');
}

function changelogDate(date: number): string {
  const [day = '', number = '', month = '', year = ''] = new Date(date * 1000).toUTCString().split(/,? /);
  return [day, month, number, year].join(' ');
}

/** Every file, and the directories that are nobody else's. */
function fileList(installed: readonly Installed[]): string {
  const directories = new Set(
    installed.flatMap(({ path, content }) => [...(content === undefined ? [path] : []), ...ownedDirectories(path)]),
  );
  const files = installed.filter(({ content }) => content !== undefined).map(line);
  return `${[...[...directories].sort().map((path) => `%dir "/${path}"`), ...files].join('\n')}\n`;
}

function ownedDirectories(path: string): string[] {
  const above = dirname(path);
  const rest = above === '.' ? [] : ownedDirectories(above);
  return /\/credrotate(\/|$)/.test(above) ? [above, ...rest] : rest;
}

function line({ path }: Installed): string {
  if (path.startsWith(DOCUMENTS)) return `%doc "/${path}"`;
  return path.startsWith(LICENCES) ? `%license "/${path}"` : `"/${path}"`;
}
