import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Config, ConsumerConfig, SinkConfig, SourceConfig } from '../../src/core/config.ts';
import { AgentError } from '../../src/core/errors.ts';
import type { Way } from '../../src/paths/way.ts';
import { dropIn, type Ground, openingLine, openingsOf, outsiders } from '../../src/harden/drop-in.ts';
import { BACKUP, configOf, execConsumer, jsonSink } from '../support/topology.ts';

/** Parents of an opening, as they are passed on the way. */
function way(opening: string, change: Partial<Way> = {}): Way {
  const parts = opening.split('/').slice(1);
  const passed = ['/', ...parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`)];
  return { path: `${opening}/iam.json`, opening, worker: 'root', overrides: false, passed, ...change };
}

const HOME = way('/home/alice', { path: '/home/alice/.aws/credentials', worker: 'user' });
const ETC = way('/etc/myapp');

function ground(written: readonly Way[], seen: Partial<Ground> = {}): Ground {
  return { written, pidFiles: [], programs: [], ...seen };
}

function configFor(
  ways: readonly Way[],
  consumers: readonly ConsumerConfig[] = [],
  sink: Partial<SinkConfig> = {},
): Config {
  return configOf(
    ways.map(({ path }) => ({ ...jsonSink(path), ...sink }) as SinkConfig),
    consumers,
  );
}

function hup(target: Extract<ConsumerConfig, { type: 'signal' }>['target'], handlesSignal = false): ConsumerConfig {
  return { name: 'web', type: 'signal', when: 'changed', signal: 'SIGHUP', target, handlesSignal };
}

const UNIT = {
  name: 'web',
  type: 'systemd',
  when: 'auto',
  unit: 'web.service',
  signal: 'SIGHUP',
  handlesSignal: false,
} as const;
const RELOAD: ConsumerConfig = { ...UNIT, action: 'try-reload-or-restart' };
const KILL: ConsumerConfig = { ...UNIT, action: 'kill' };
const PID_FILE = hup({ pidFile: '/run/web.pid' });
const PROCESS = hup({ process: { exe: '/usr/sbin/web' } });

function capabilities(config: Config, where: Ground): string {
  return [...dropIn(config, where).matchAll(/^CapabilityBoundingSet=CAP_(.*)$/gm)].map(([, name]) => name).join(' ');
}

const BECOME = 'SETUID SETGID KILL';
const CASES: readonly (readonly [what: string, config: Config, where: Ground, expected: string])[] = [
  ['root alone', configFor([ETC]), ground([ETC]), ''],
  ['a group', configFor([ETC], [], { group: 'myapp' }), ground([ETC]), 'CHOWN'],
  ['the group root', configFor([ETC], [], { group: 'root', owner: 0 }), ground([ETC]), ''],
  ['an owner', configFor([ETC], [], { owner: 'myapp' }), ground([ETC]), 'CHOWN DAC_OVERRIDE FOWNER'],
  ['a file of another', configFor([ETC]), ground([{ ...ETC, overrides: true }]), 'DAC_OVERRIDE FOWNER'],
  ['a home', configFor([HOME]), ground([HOME]), BECOME],
  ['a home, with the name of its owner', configFor([HOME], [], { owner: 'alice' }), ground([HOME]), BECOME],
  ['a home on another machine', configFor([HOME]), ground([{ ...HOME, worker: 'remote' }]), BECOME],
  ['a unit, whose reload may be a signal', configFor([ETC], [RELOAD]), ground([ETC]), 'SYS_PTRACE'],
  ['a main process', configFor([ETC], [KILL]), ground([ETC]), 'KILL SYS_PTRACE'],
  ['a program', configFor([ETC], [execConsumer('web')]), ground([ETC]), ''],
  ['a pid file', configFor([ETC], [PID_FILE]), ground([ETC], { pidFiles: [way('/run')] }), 'KILL SYS_PTRACE'],
  [
    'a pid file of one who is vouched for',
    configFor([ETC], [hup({ pidFile: '/run/web.pid' }, true)]),
    ground([ETC]),
    'KILL',
  ],
  ['a pid file of a user', configFor([ETC], [PID_FILE]), ground([ETC], { pidFiles: [HOME] }), `${BECOME} SYS_PTRACE`],
  ['a process', configFor([ETC], [PROCESS]), ground([ETC]), `${BECOME} SYS_PTRACE`],
];

describe('the drop-in', () => {
  for (const [what, config, where, expected] of CASES) {
    test(`keeps the capabilities for ${what}: ${expected || 'none'}`, () => {
      assert.equal(capabilities(config, where), expected);
    });
  }

  test('opens the directories of the sinks, and hides what is not used', () => {
    assert.equal(
      dropIn(configFor([ETC, way('/srv/a b%c')]), ground([ETC, way('/srv/a b%c'), way('/etc/myapp/conf')])).replace(
        /^#.*\n/gm,
        '',
      ),
      `[Service]
ProtectSystem=strict
ProtectHome=yes
ReadWritePaths="-/etc/myapp"
ReadWritePaths="-/srv/a b%%c"
PrivateTmp=yes
ProtectProc=invisible
IPAddressDeny=any
IPAddressAllow=localhost 169.254.169.254 fd00:ec2::254
CapabilityBoundingSet=
`,
    );
  });

  test('shows of the homes those with sinks; all of them where that is not enough', () => {
    const opened = (where: Ground): readonly string[] =>
      dropIn(configFor([HOME]), where).match(/^(ProtectHome|TemporaryFileSystem|BindPaths|ReadWritePaths)=.*$/gm) ?? [];
    assert.deepEqual(opened(ground([HOME, ETC])), [
      'TemporaryFileSystem=/home:ro,mode=0755 /root:ro,mode=0755 /run/user:ro,mode=0755',
      'ReadWritePaths="-/etc/myapp"',
      'BindPaths="-/home/alice"',
    ]);
    assert.deepEqual(opened(ground([way('/root')])), [
      'TemporaryFileSystem=/home:ro,mode=0755 /run/user:ro,mode=0755',
      'ReadWritePaths="-/root"',
    ]);
    const all = ['ProtectHome=read-only', 'ReadWritePaths="-/home/alice"'];
    assert.deepEqual(opened(ground([HOME], { programs: [way('/root/bin')] })), all);
    assert.deepEqual(opened(ground([HOME], { pidFiles: [way('/run/user/1000')] })), all);
    assert.deepEqual(opened(ground([{ ...HOME, worker: 'remote' }])), all, 'mounted when it is first used');
    const link = way('/srv/keys', { passed: ['/', '/home', '/home/keys', '/srv', '/srv/keys'] });
    assert.deepEqual(opened(ground([link])), ['ProtectHome=read-only', 'ReadWritePaths="-/srv/keys"']);
    assert.deepEqual(opened(ground([way('/run/user/1000')])), [
      'ProtectHome=read-only',
      'ReadWritePaths="-/run/user/1000"',
    ]);
    assert.deepEqual(opened(ground([way('/homestead')])), ['ProtectHome=yes', 'ReadWritePaths="-/homestead"']);
  });

  test('leaves what is looked at in sight', () => {
    const lacks = (setting: string, consumers: readonly ConsumerConfig[], where: Ground): void => {
      assert.doesNotMatch(dropIn(configFor([ETC], consumers), where), new RegExp(setting));
    };
    lacks('PrivateTmp', [], ground([way('/tmp/app')]));
    lacks('PrivateTmp', [PID_FILE], ground([ETC], { pidFiles: [way('/var/tmp')] }));
    for (const consumer of [PID_FILE, PROCESS, KILL, RELOAD]) lacks('ProtectProc', [consumer], ground([ETC]));
  });

  test('lets the endpoint through that the configuration names', () => {
    const allowed = (imds: Partial<Config['imds']>): string | undefined => {
      const config = configFor([ETC]);
      return /^IPAddressAllow=(.*)$/m.exec(
        dropIn({ ...config, imds: { ...config.imds, ...imds } }, ground([ETC])),
      )?.[1];
    };
    const own = 'localhost 169.254.169.254 fd00:ec2::254';
    assert.equal(allowed({ endpoint: 'http://127.0.0.1:1338' }), own);
    assert.equal(allowed({ allowAnyEndpoint: true, endpoint: 'http://10.0.0.7:80' }), `${own} 10.0.0.7`);
    assert.equal(allowed({ allowAnyEndpoint: true, endpoint: 'http://[fd00::7]' }), `${own} fd00::7`);
    assert.equal(allowed({ allowAnyEndpoint: true, endpoint: 'http://imds.internal' }), undefined);
    assert.equal(allowed({ allowAnyEndpoint: true }), undefined);
  });

  test('lets everything through where a source is reached by its name', () => {
    assert.doesNotMatch(dropIn({ ...configFor([ETC]), sources: [BACKUP] }, ground([ETC])), /^IPAddress/m);
    const container = (endpoint?: string): SourceConfig => {
      return { type: 'container', name: 'task', ...(endpoint !== undefined && { endpoint }) };
    };
    const allowed = (...sources: readonly SourceConfig[]): string | undefined =>
      /^IPAddressAllow=(.*)$/m.exec(dropIn({ ...configFor([ETC]), sources }, ground([ETC])))?.[1];
    const own = 'localhost 169.254.169.254 fd00:ec2::254';
    assert.equal(allowed(container('http://localhost:1338/')), own);
    assert.equal(
      allowed(container('http://169.254.170.2/x'), container('http://[fd00:ec2::23]/v1/credentials')),
      `${own} 169.254.170.2 fd00:ec2::23`,
    );
    for (const anywhere of [container(), container('https://credentials.example/'), BACKUP])
      assert.equal(allowed(container('http://169.254.170.2/x'), anywhere), undefined);
  });

  test('is not made where it would open everything, or cannot be written down', () => {
    for (const opening of ['/', '/srv/a"b', "/srv/a'b", '/srv/a\\b', '/srv/a\nb', '/srv/a:b']) {
      assert.throws(
        () => dropIn(configFor([ETC]), ground([way(opening)])),
        (error) => error instanceof AgentError && error.code === 'SINK_UNSAFE_PATH',
      );
    }
  });
});

describe('a sink', () => {
  test('is outside when no directory that is open holds it', () => {
    const text = dropIn(configFor([ETC, HOME]), ground([ETC, HOME]));
    const where = ground([
      ETC,
      way('/etc/myapp/conf'),
      HOME,
      way('/etc/myapp2'),
      way('/etc', { path: '/etc/new/iam.json' }),
    ]);
    assert.deepEqual(outsiders(where, openingsOf(text)), ['/etc/myapp2/iam.json', '/etc/new/iam.json']);
  });

  test('is found open by what was written, whatever its name', () => {
    const name = fc.string({
      unit: fc.constantFrom('a', 'b', ' ', '%', '$', '-', '+', '#', '=', ';', 'ü'),
      minLength: 1,
    });
    fc.assert(
      fc.property(fc.array(name, { minLength: 1 }), (names) => {
        const path = `/${names.join('/')}`;
        assert.deepEqual(openingsOf(`[Service]\n${openingLine('BindPaths', path)}\n`), [path]);
      }),
    );
  });
});
