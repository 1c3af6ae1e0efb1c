import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  appendFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join, normalize } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { packageFast } from '../../scripts/package.ts';
import { NAMES } from '../../scripts/package/product.ts';
import { HOST } from '../../scripts/runtime.ts';
import { tally } from '../faults/tally.ts';
import { tempDir } from '../support/temp-dir.ts';
import { nextRpm } from '../system/boot-packages.ts';
import { machineImage } from '../system/machine-image.ts';
import { hasOwnMounts, tmpfs } from '../system/mounts.ts';
import { openKeys, publish, repository } from '../system/repository-scene.ts';

const run = promisify(execFile);
const ARCHITECTURE = NAMES[HOST].rpm;

interface Host {
  readonly root: string;
  /** Runs dnf for that root; gives its exit code and all that it said. */
  readonly dnf: (...args: readonly string[]) => Promise<{ readonly code: number; readonly said: string }>;
  readonly version: () => Promise<string>;
}

test('a repository for dnf', async (t) => {
  if (!hasOwnMounts(t)) return;
  if (!existsSync('/usr/bin/dnf')) {
    t.skip('needs dnf');
    return;
  }
  const { rpm } = await packageFast();
  const next = await nextRpm(t, rpm);
  const keys = openKeys(t);
  const [key, stranger, following] = [await keys.make('first'), await keys.make('stranger'), await keys.make('next')];
  const served = join(tempDir(t), 'served');
  const url = await serve(t, served);
  const host = await openHost(t, rpm, served, url);
  const first = await repository(t, keys, { keys: [key], packages: [rpm], url });
  const step = (what: string, work: () => Promise<void>): Promise<void> =>
    t.test(what, (inner) => tally(inner, `${t.name}: ${what}`, (attempt) => attempt(work)));

  await step('installs, with packages and index signed', async () => {
    publish(first, served);
    const { code, said } = await host.dnf('install', 'credrotate');
    assert.equal(code, 0, said);
    // Without a key it cannot say whether they are good; of an unsigned package it says nothing at all.
    const { stdout } = await ended('rpm', ['-Kv', join(first, 'rpm', ARCHITECTURE, basename(rpm))]);
    assert.match(stdout, /Signature/);
  });

  await step('an altered index is refused', async () => {
    appendFileSync(join(served, 'rpm', ARCHITECTURE, 'repodata/repomd.xml'), '<!-- -->\n');
    assert.match((await host.dnf('install', 'credrotate')).said, /GPG|signature|verif/i);
  });

  await step('one that another key has signed is refused', async () => {
    publish(await repository(t, keys, { keys: [stranger], packages: [next], url }), served);
    // As whoever serves it would have to: the key that the host knows stays in its place.
    writeFileSync(
      join(served, 'credrotate-archive-keyring.asc'),
      readFileSync(join(first, 'credrotate-archive-keyring.asc')),
    );
    await host.dnf('upgrade', 'credrotate');
    assert.equal(await host.version(), '0.1.0');
  });

  await step('an upgrade takes the next version', async () => {
    publish(await repository(t, keys, { keys: [key], packages: [next], url, to: first }), served);
    const { code, said } = await host.dnf('upgrade', 'credrotate');
    assert.equal(code, 0, said);
    assert.equal(await host.version(), '1000');
  });

  await step('the next key signs, and what the former one signed is still good', async () => {
    publish(await repository(t, keys, { keys: [following], former: [key], packages: [next], url, to: first }), served);
    assert.equal((await host.dnf('reinstall', 'credrotate')).code, 0);
    const { code, said } = await host.dnf('downgrade', 'credrotate-0.1.0');
    assert.equal(code, 0, said);
    assert.equal(await host.version(), '0.1.0');
  });
});

function ended(
  tool: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    execFile(tool, args, { maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });
}

/** The files of a directory, on loopback. */
async function serve(t: TestContext, directory: string): Promise<string> {
  const server = createServer((request, response) => {
    const path = join(directory, normalize(new URL(request.url ?? '/', 'http://x').pathname));
    const isThere = existsSync(path) && statSync(path).isFile();
    response.writeHead(isThere ? 200 : 404);
    if (isThere) createReadStream(path).pipe(response);
    else response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

/**
 * A root that dnf installs into. No distribution of rpm packages can be had here: a package of this test stands for all
 * that ours requires, so that their names stay untried.
 */
async function openHost(t: TestContext, rpm: string, served: string, url: string): Promise<Host> {
  const root = tmpfs(t, 'mode=0755');
  await run('tar', ['--extract', '--zstd', '--file', await machineImage('plain'), '--directory', root]);
  const repos = tempDir(t);
  const system = join(tempDir(t), 'system');
  mkdirSync(system);
  await standIn(system, rpm);
  await run('createrepo_c', ['--quiet', system]);
  writeFileSync(join(repos, 'system.repo'), `[system]\nname=system\nbaseurl=file://${system}\ngpgcheck=0\n`);
  const cache = tempDir(t);
  const options = [
    ...['--assumeyes', '--installroot', root, '--releasever', '9', '--forcearch', ARCHITECTURE],
    ...[`--setopt=reposdir=${repos}`, `--setopt=cachedir=${cache}`, '--setopt=install_weak_deps=False'],
  ];
  return {
    root,
    dnf: async (...args) => {
      writeFileSync(join(repos, 'credrotate.repo'), readFileSync(join(served, 'credrotate.repo')));
      rmSync(cache, { recursive: true, force: true });
      const { code, stdout, stderr } = await ended('dnf', [...options, ...args]);
      return { code, said: stdout + stderr };
    },
    version: async () => {
      const query = ['--root', root, '--query', '--queryformat', '%{VERSION}', 'credrotate'];
      // dnf and Debian's rpm keep the database in different places.
      const places = ['/var/lib/rpm', '/root/.rpmdb', '/usr/lib/sysimage/rpm'];
      for (const place of places)
        if (existsSync(join(root, place))) {
          const found = await run('rpm', ['--dbpath', place, ...query]).catch(() => undefined);
          if (found) return found.stdout;
        }
      throw new Error(`expected credrotate in the database of rpm of ${url}, got none`);
    },
  };
}

async function standIn(directory: string, rpm: string): Promise<void> {
  const { stdout } = await run('rpm', ['--query', '--package', '--requires', rpm]);
  const names = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('rpmlib('));
  const provides = [...new Set(names)].map((name) => `Provides: ${name.replace(/>=/, '=')}`);
  const spec = `Name: system\nVersion: 1\nRelease: 1\nSummary: system\nLicense: none\nBuildArch: ${ARCHITECTURE}\n${provides.join('\n')}
%description\nsystem\n%files\n`;
  writeFileSync(join(directory, 'system.spec'), spec);
  const defines = [
    '--define',
    `_topdir ${directory}`,
    '--define',
    `_rpmdir ${directory}`,
    '--define',
    '_build_name_fmt system.rpm',
  ];
  await run('rpmbuild', [
    '-bb',
    '--quiet',
    '--target',
    `${ARCHITECTURE}-linux`,
    ...defines,
    join(directory, 'system.spec'),
  ]);
}
