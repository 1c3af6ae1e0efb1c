import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { closedBy } from '../../src/doctor/judge/sinks.ts';

const CASES: readonly (readonly [unit: Record<string, string>, directory: string, setting: string | undefined])[] = [
  [{ ProtectHome: 'no', ProtectSystem: 'no' }, '/root/.aws', undefined],
  [{ ProtectHome: 'yes' }, '/root/.aws', 'ProtectHome=yes'],
  [{ ProtectHome: 'tmpfs' }, '/home/alice', 'ProtectHome=tmpfs'],
  [{ ProtectHome: 'yes', ReadWritePaths: '/home/alice' }, '/home/alice/.aws', 'ProtectHome=yes'],
  [{ ProtectHome: 'tmpfs', BindPaths: '/home/alice:/home/alice:rbind' }, '/home/alice/.aws', undefined],
  [{ TemporaryFileSystem: '/home:ro,mode=0755 /root:ro,mode=0755' }, '/root/.aws', 'TemporaryFileSystem=/root'],
  [{ ProtectSystem: 'strict', ReadWritePaths: '-/etc/myapp "-/srv/a b%c"' }, '/srv/a b%c', undefined],
  [{ ProtectSystem: 'strict', ReadWritePaths: '-/etc/myapp "-/srv/a b%c"' }, '/srv/a', 'ProtectSystem=strict'],
  [{ TemporaryFileSystem: '/home:ro,mode=0755', BindPaths: '/home/alice' }, '/home/alice/.aws', undefined],
  [{ ProtectHome: 'read-only' }, '/run/user/1000', 'ProtectHome=read-only'],
  [{ ProtectHome: 'read-only', ReadWritePaths: '/home/alice' }, '/home/alice/.aws', undefined],
  [{ ProtectHome: 'yes' }, '/homes/alice', undefined],
  [{ ProtectSystem: 'yes' }, '/etc/app', undefined],
  [{ ProtectSystem: 'full' }, '/etc/app', 'ProtectSystem=full'],
  [{ ProtectSystem: 'full' }, '/srv/app', undefined],
  [{ ProtectSystem: 'strict' }, '/srv/app', 'ProtectSystem=strict'],
  [{ ProtectSystem: 'strict', ReadWritePaths: '-/srv/other -/srv/app' }, '/srv/app/etc', undefined],
  [
    { ProtectSystem: 'strict', ReadWritePaths: '/srv', ReadOnlyPaths: '/srv/app' },
    '/srv/app',
    'ReadOnlyPaths=/srv/app',
  ],
  [{ InaccessiblePaths: '-/srv' }, '/srv/app', 'InaccessiblePaths=/srv'],
  [{ PrivateTmp: 'yes' }, '/var/tmp/app', 'PrivateTmp=yes'],
  [{ PrivateTmp: 'yes' }, '/var/app', undefined],
];

describe('a directory of a confined unit', () => {
  for (const [unit, directory, setting] of CASES) {
    test(`${directory} under ${JSON.stringify(unit)}: ${setting ?? 'open'}`, () => {
      assert.equal(closedBy(unit, directory), setting);
    });
  }
});
