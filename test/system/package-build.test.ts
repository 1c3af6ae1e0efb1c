import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { packageFast } from '../../scripts/package.ts';
import { expectedDigest, HOST } from '../../scripts/runtime.ts';

const UNITS = globSync('packaging/systemd/*.{service,timer}').map((file) => basename(file));

let packages: Awaited<ReturnType<typeof packageFast>>;

before(async () => {
  packages = await packageFast();
});

describe('packages', () => {
  test('hold the same, with the same modes, but for the places that the two kinds of systems have', () => {
    const deb = debEntries();
    const rpm = rpmEntries();
    const common = deb.filter((line) => rpm.includes(line)).map((line) => line.split(' ').at(-1) ?? '');
    const only = (mine: readonly string[], other: readonly string[]) => mine.filter((line) => !other.includes(line));
    assert.deepEqual(only(deb, rpm), [
      '644 /usr/share/doc/credrotate/THIRD-PARTY.txt.gz',
      '644 /usr/share/doc/credrotate/changelog.gz',
      '644 /usr/share/doc/credrotate/copyright',
      '644 /usr/share/lintian/overrides/credrotate',
      '644 /usr/share/zsh/vendor-completions/_credrotate',
    ]);
    assert.deepEqual(only(rpm, deb), [
      // Named and not packed.
      '644 /etc/credrotate/credrotate.yaml',
      '644 /usr/share/licenses/credrotate/LICENSE',
      '644 /usr/share/licenses/credrotate/THIRD-PARTY.txt',
      '644 /usr/share/zsh/site-functions/_credrotate',
      '755 /usr/share/licenses/credrotate',
    ]);
    const expected = [
      '/usr/bin/credrotate',
      '/usr/share/credrotate/credrotate.yaml',
      '/usr/share/doc/credrotate/examples/credrotate.yaml',
      '/etc/credrotate/conf.d',
      '/usr/share/man/man8/credrotate.8.gz',
      '/usr/share/man/man5/credrotate.yaml.5.gz',
      '/usr/share/bash-completion/completions/credrotate',
      '/usr/share/fish/vendor_completions.d/credrotate.fish',
      '/usr/share/doc/credrotate/README.md',
      '/usr/share/doc/credrotate/CHANGELOG.md.gz',
      '/usr/share/credrotate/sbom.cdx.json',
      '/usr/lib/credrotate/libatomic.so.1',
      '/usr/share/doc/credrotate/examples/user-data/install.sh',
      '/usr/share/doc/credrotate/examples/monitoring/credrotate-alerts.yaml',
      '/usr/share/doc/credrotate/examples/credrotate.cron',
      ...UNITS.map((unit) => `/usr/lib/systemd/system/${unit}`),
      '/usr/lib/systemd/system-preset/90-credrotate.preset',
      schemaOfDefault(),
    ];
    assert.deepEqual(
      expected.filter((path) => !common.includes(path)),
      [],
    );
  });

  test('have nothing in /etc that an upgrade could ask about', () => {
    const control = execFileSync('tar', ['-t'], {
      input: execFileSync('dpkg-deb', ['--ctrl-tarfile', packages.deb]),
      encoding: 'utf8',
    });
    assert.doesNotMatch(control, /conffiles/);
    assert.deepEqual(
      debEntries().filter((line) => line.includes(' /etc')),
      ['755 /etc/credrotate', '755 /etc/credrotate/conf.d'],
    );
    // Named and not packed: what an administrator wrote there outlives upgrade and removal.
    assert.match(rpmQuery('--queryformat', '[%{FILENAMES} %{FILEFLAGS:fflags}\n]'), /credrotate\.yaml cng$/m);
  });

  test('care for every unit', () => {
    for (const script of ['deb/postinst', 'deb/prerm', 'deb/postrm', 'rpm/preun.sh']) {
      const text = readFileSync(`packaging/${script}`, 'utf8');
      const named = new Set([...text.matchAll(/credrotate[\w-]*\.(service|timer)/g)].map(([name]) => name));
      assert.deepEqual([...named].sort(), UNITS.toSorted(), script);
    }
  });

  test('name every library that the executable needs', () => {
    const depends = execFileSync('dpkg-deb', ['--field', packages.deb, 'Depends'], { encoding: 'utf8' }).trim();
    assert.equal(depends, 'libc6 (>= 2.28), libgcc-s1 | libgcc1, libstdc++6 (>= 5.2)');
    const sections = execFileSync('readelf', ['-dV', 'dist/credrotate'], { encoding: 'utf8', maxBuffer: 1 << 26 });
    const needed = [...sections.matchAll(/NEEDED.*\[(.*)\]/g)].map(([, name]) => name);
    const libc = /^(lib(c|dl|m|pthread)\.so|ld-linux)/;
    const others = needed.filter((name) => !libc.test(name ?? '')).sort();
    assert.deepEqual(others, ['libatomic.so.1', 'libgcc_s.so.1', 'libstdc++.so.6']);
    // Brought along, and looked for there alone: nobody else can put a library in the way.
    assert.deepEqual(
      [...sections.matchAll(/R(?:UN)?PATH.*\[(.*)\]/g)].map(([, path]) => path),
      ['/usr/lib/credrotate'],
    );
    assert.doesNotMatch(rpmQuery('--requires'), /libatomic/);
    assert.doesNotMatch(rpmQuery('--provides'), /libatomic/);
    // glibc 2.28, and GCC 5.2.
    assert.equal(newest(sections, 'GLIBC_2.'), 28);
    assert.equal(newest(sections, 'GLIBCXX_3.4.'), 21);
  });

  // The full compression takes half a minute and makes 28.7 MB of 121 MB: what is below this limit stays below 32 MB.
  test('are small enough', () => {
    assert.ok(statSync('dist/credrotate').size < 130e6);
  });

  test('say what is in them', () => {
    const documents = '/usr/share/doc/credrotate';
    const sbom = JSON.parse(debFile('/usr/share/credrotate/sbom.cdx.json').toString()) as {
      readonly components: readonly { readonly name: string; readonly version: string; readonly hashes?: object }[];
    };
    const licences = gunzipSync(debFile(`${documents}/THIRD-PARTY.txt.gz`)).toString();
    const names = sbom.components.map(({ name, version }) => `${name} ${version}`);
    for (const name of names.slice(0, -2)) assert.ok(licences.includes(`\n${name}\n`), name);
    const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      dependencies: Record<string, string>;
    };
    for (const [name, version] of Object.entries(dependencies)) assert.ok(names.includes(`${name} ${version}`), name);
    const copyright = debFile(`${documents}/copyright`).toString();
    assert.match(copyright, /^Files: usr\/bin\/credrotate\n[^]*^License: (?:[\w.-]+ and )+[\w.-]+$/m);
    for (const name of ['Apache-2.0', 'ISC', 'MIT', 'GPL-3+ with GCC-Runtime-exception'])
      assert.ok(copyright.includes(name), name);
    const bundled = [
      execFileSync('dpkg-deb', ['--field', packages.deb, 'X-Bundled'], { encoding: 'utf8' }),
      rpmQuery('--provides'),
    ];
    const version = process.version.slice(1);
    assert.match(bundled[0] ?? '', new RegExp(RegExp.escape(`nodejs (= ${version}), `)));
    assert.match(bundled[1] ?? '', new RegExp(RegExp.escape(`bundled(nodejs) = ${version}\n`)));
    for (const text of bundled) assert.match(text, /nodejs-undici/);
    const node = sbom.components.at(-1);
    assert.deepEqual([node?.name, `v${node?.version ?? ''}`], ['node', process.version]);
    assert.deepEqual(node?.hashes, [{ alg: 'SHA-256', content: expectedDigest(HOST) }]);
  });
});

/** `755 /usr/bin/credrotate`, of all that is ours alone. */
function debEntries(): string[] {
  const listing = execFileSync('tar', ['-tv', '--numeric-owner'], { input: debTar(), encoding: 'utf8' });
  const lines = listing
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/\s+/));
  return lines
    .map(([mode = '', owner, , , , path = '']) => {
      assert.equal(owner, '0/0', path);
      return `${octal(mode)} ${path.replace(/^\./, '').replace(/\/$/, '')}`;
    })
    .filter((line) => line.includes('credrotate'))
    .sort();
}

function rpmEntries(): string[] {
  return rpmQuery('--queryformat', '[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILENAMES}\n]')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [mode = '', owner, path = ''] = line.split(' ');
      assert.equal(owner, 'root/root', path);
      return `${octal(mode)} ${path}`;
    })
    .sort();
}

function octal(mode: string): string {
  const bits = mode.slice(1).replaceAll(/[^-]/g, '1').replaceAll('-', '0');
  return parseInt(bits, 2).toString(8);
}

function rpmQuery(...options: readonly string[]): string {
  return execFileSync('rpm', ['--query', '--package', ...options, packages.rpm], { encoding: 'utf8' });
}

function debTar(): Buffer {
  return execFileSync('dpkg-deb', ['--fsys-tarfile', packages.deb], { maxBuffer: 1 << 28 });
}

function debFile(path: string): Buffer {
  return execFileSync('tar', ['-xO', `.${path}`], { input: debTar() });
}

/** Where an editor that reads the default configuration looks for the schema. */
function schemaOfDefault(): string {
  return /^# yaml-language-server: \$schema=(.*)$/m.exec(readFileSync('etc/credrotate.yaml', 'utf8'))?.[1] ?? '';
}

function newest(sections: string, prefix: string): number {
  const pattern = new RegExp(`Name: ${RegExp.escape(prefix)}(\\d+)`, 'g');
  return Math.max(...[...sections.matchAll(pattern)].map(([, number]) => Number(number)));
}
