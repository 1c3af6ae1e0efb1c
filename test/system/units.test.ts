import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { Config, ConsumerConfig, SinkConfig } from '../../src/core/config.ts';
import type { Way } from '../../src/paths/way.ts';
import { dropIn, type Ground } from '../../src/harden/drop-in.ts';
import { tempDir } from '../support/temp-dir.ts';
import { configOf, jsonSink } from '../support/topology.ts';

const ROOT = join(import.meta.dirname, '../..');
const needsSystemd = spawnSync('systemd-analyze', ['--version']).status === 0 ? false : 'needs systemd-analyze';

function way(opening: string, worker: Way['worker']): Way {
  return { path: join(opening, 'iam.json'), opening, worker, overrides: false, passed: ['/', opening] };
}

const HOME = way('/home/alice', 'user');
const ETC = way('/etc/myapp', 'root');
const SIGNAL = { name: 'app', type: 'signal', when: 'changed', signal: 'SIGHUP', handlesSignal: false } as const;
const PROCESS: ConsumerConfig = { ...SIGNAL, target: { process: { exe: '/usr/bin/app' } } };
const PID_FILE: ConsumerConfig = { ...SIGNAL, target: { pidFile: '/run/app.pid' } };

type Hardened = readonly [config: Config, ground: Ground];

interface Case {
  /** As docs/confinement.md names it. */
  readonly what: string;
  readonly limit: number;
  readonly hardened?: Hardened;
}

function hardenedFor(written: readonly Way[], consumers: readonly ConsumerConfig[], owner?: string): Hardened {
  const sinks = written.map(({ path }): SinkConfig => ({ ...jsonSink(path), ...(owner !== undefined && { owner }) }));
  return [configOf(sinks, consumers), { written, pidFiles: [], programs: [] }];
}

/** The worst of each kind: everything at once that its limit is for. */
const CASES: readonly Case[] = [
  { what: 'as installed', limit: 4 },
  {
    what: 'hardened: sinks in homes, consumers found by process',
    limit: 3,
    hardened: hardenedFor([HOME, ETC], [PROCESS, PID_FILE], 'myapp'),
  },
  {
    what: 'hardened: sinks of other users elsewhere, a consumer found by its pid file',
    limit: 2.5,
    hardened: hardenedFor([ETC], [PID_FILE], 'myapp'),
  },
  { what: "hardened: root's sinks elsewhere, programs as consumers", limit: 2.5, hardened: hardenedFor([ETC], []) },
];

/** All units in a directory, as they are installed; the product is where it was built. */
function installUnits(t: TestContext): string {
  const directory = tempDir(t);
  for (const name of readdirSync(join(ROOT, 'packaging/systemd'))) {
    const text = readFileSync(join(ROOT, 'packaging/systemd', name), 'utf8');
    writeFileSync(join(directory, name), text.replaceAll('/usr/bin/credrotate', join(ROOT, 'dist/credrotate')));
  }
  return directory;
}

function harden(directory: string, unit: string, { hardened }: Case): void {
  if (!hardened) return;
  mkdirSync(join(directory, `${unit}.d`));
  writeFileSync(join(directory, `${unit}.d/10-credrotate-harden.conf`), dropIn(...hardened));
}

function analyze(directory: string, ...args: readonly string[]): string {
  // With the colon the host's own units are there too.
  const env = { ...process.env, SYSTEMD_UNIT_PATH: `${directory}:`, LC_ALL: 'C' };
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['--no-pager', ...args], { env, encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  return stdout + stderr;
}

function exposure(directory: string, unit: string): number {
  const [, level] =
    /exposure level for \S+: ([\d.]+)/.exec(analyze(directory, 'security', '--offline=yes', unit)) ?? [];
  return Number(level);
}

describe('the units', { skip: needsSystemd }, () => {
  test('are what systemd expects, with and without the drop-in', (t) => {
    for (const each of CASES) {
      const directory = installUnits(t);
      for (const unit of ['credrotate.service', 'credrotate-once.service']) harden(directory, unit, each);
      const files = readdirSync(directory).filter((name) => /\.(service|timer)$/.test(name));
      assert.ok(files.length >= 4);
      const said = analyze(directory, 'verify', '--man=no', ...files.map((name) => join(directory, name)));
      assert.equal(said, '', each.what);
    }
  });

  for (const each of CASES) {
    test(`${each.what}: exposed by ${each.limit.toFixed(1)} at most, and as the document says`, (t) => {
      const document = readFileSync(join(ROOT, 'docs/confinement.md'), 'utf8');
      for (const unit of ['credrotate.service', 'credrotate-once.service']) {
        const directory = installUnits(t);
        harden(directory, unit, each);
        const level = exposure(directory, unit);
        t.diagnostic(`${unit}, ${each.what}: ${level.toFixed(1)}`);
        assert.ok(level <= each.limit, `${level} is more than ${each.limit}`);
        const row = document.split('\n').find((line) => line.startsWith(`| ${each.what} `));
        assert.equal(Number(row?.split('|')[2]), level, `docs/confinement.md: ${String(row)}`);
      }
    });
  }

  test('explain what they leave open', () => {
    for (const unit of ['credrotate.service', 'credrotate-once.service']) {
      const text = readFileSync(join(ROOT, 'packaging/systemd', unit), 'utf8');
      const comments = text.match(/^#.*$/gm)?.join('\n') ?? '';
      const [, open = ''] = /^CapabilityBoundingSet=(.*)$/m.exec(text) ?? [];
      const families = /^RestrictAddressFamilies=(.*)$/m.exec(text)?.[1] ?? '';
      for (const name of [...open.split(' '), ...families.split(' ')]) {
        assert.match(comments, new RegExp(`^#.*\\b${name.replace('CAP_', '')}\\b.*:`, 'm'), `${unit}: ${name}`);
      }
    }
  });

  test('the cron line is one that cron takes', () => {
    const text = readFileSync(join(ROOT, 'packaging/examples/credrotate.cron'), 'utf8');
    const lines = text.split('\n').filter((line) => line !== '' && !/^(#|[A-Z]+=)/.test(line));
    assert.equal(lines.length, 2);
    for (const line of lines) {
      const [, command = ''] = /^(?:@reboot|(?:\S+ ){5})\s*root (.*)$/.exec(line) ?? [];
      assert.notEqual(command, '', line);
      // To cron it ends the command.
      assert.doesNotMatch(command, /%/);
      execFileSync('/bin/sh', ['-n', '-c', command]);
    }
  });
});
