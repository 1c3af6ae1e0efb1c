// Makes a release of a clean checkout: npm run release -- VERSION --key FINGERPRINT --nodejs DIRECTORY [--to REPOSITORY]
// Changelog, version and commit, packages, tarballs, lists of parts, checksums and repository, all signed. Refuses what
// nobody can vouch for, and ends with what only the maintainer can do. Nothing leaves this machine.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { OUTPUT, ROOT } from './package/product.ts';
import { provideTools } from './package/tools.ts';
import { changelogOf, git, refusals, UNRELEASED } from './release/refusals.ts';
import { openSigner } from './repository/signer.ts';

/** Of an earlier version, they would go into the repository again. */
const MADE = '{*.deb,*.rpm,*.tar.xz,*.cdx.json,SHA256SUMS*}';

if (import.meta.main)
  await main().catch((error: unknown) => {
    console.error(`release: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  });

async function main(): Promise<void> {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    options: { key: text, nodejs: text, to: text },
    allowPositionals: true,
  });
  const [version = 'none'] = positionals;
  await provideTools({ git: 'git', gpg: 'gnupg', gpgv: 'gpgv', xz: 'xz-utils' });
  const now = Date.now();
  const problems = await refusals({ root: ROOT, version, key: values.key, nodejs: values.nodejs, now });
  if (problems.length > 0) throw new Error(`nothing was done:\n- ${problems.join('\n- ')}`);
  const { key = '' } = values;
  await commit(version, key, new Date(now).toISOString().slice(0, 10)).catch(async (error: unknown) => {
    // It was clean.
    await git(ROOT, 'checkout', '--quiet', 'HEAD', '--', '.');
    throw error;
  });
  try {
    await make(version, key, resolve(values.to ?? join(OUTPUT, 'repository')));
  } catch (error) {
    const undo = 'the commit is there; take it back: git reset --keep HEAD~';
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${undo}`, { cause: error });
  }
  console.log(`\nReleased in ${OUTPUT}, and not published. What only you can do:\n${toDo(version)}`);
}

/** What is made says from which commit, so that this comes first; the tag, last. */
async function commit(version: string, key: string, day: string): Promise<void> {
  const dated = changelogOf(ROOT).replace(UNRELEASED, `${UNRELEASED}\n## [${version}] - ${day}\n`);
  writeFileSync(join(ROOT, 'CHANGELOG.md'), dated);
  await step('npm', 'version', version, '--no-git-tag-version', '--ignore-scripts', '--allow-same-version');
  await git(ROOT, 'commit', '--quiet', '--all', `--gpg-sign=${key}`, '--message', `Release ${version}`);
}

async function make(version: string, key: string, to: string): Promise<void> {
  for (const file of globSync(MADE, { cwd: OUTPUT })) rmSync(join(OUTPUT, file));
  // Each in a process of its own, which reads the new version.
  await script('package.ts');
  await script('repository.ts', '--key', key, '--to', to);
  const sums = join(OUTPUT, 'SHA256SUMS');
  const signer = await openSigner({ keys: [key], date: Math.floor(Date.now() / 1000) });
  await signer.detached(sums, `${sums}.asc`);
  await step(join(OUTPUT, 'credrotate'), '--version');
  await git(ROOT, 'tag', `--local-user=${key}`, '--message', `credrotate ${version}`, `v${version}`);
}

async function script(name: string, ...args: readonly string[]): Promise<void> {
  await step(process.execPath, ...process.execArgv, join(ROOT, 'scripts', name), ...args);
}

async function step(program: string, ...args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: expected it to end with 0, got ${String(code)}`);
}

function toDo(version: string): string {
  return `
1. sudo .ci/run --all, on a fresh clone of this commit
2. packaging/acceptance.sh on Amazon Linux 2023, RHEL 9, Ubuntu 24.04 and EC2 on arm64; its results go into the notes of the
   release, and what passed into the table of platforms in README.md
3. publish the repository, in the order that docs/repository.md gives
4. publish the packages, tarballs, SHA256SUMS, SHA256SUMS.asc and *.cdx.json of ${OUTPUT} on the page of the release
5. git push origin HEAD v${version}
6. make the index again each week: npm run repository`;
}
