import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { load, loadYaml } from './harness.ts';

const EXAMPLE = `
sinks:
  - path: /root/.aws/credentials
    format: aws-credentials
  - path: /etc//myapp/./aws.env
    format: dotenv
    owner: root
    group: "1000"
    mode: 0640
    notify: [myapp, myapp]
  - path: /var/lib/legacy/iam.json
    format: json
    owner: 1001
    notify: [legacy]
consumers:
  myapp:  { type: systemd, unit: myapp }
  legacy: { type: signal, signal: USR1, pid_file: /run/legacy.pid }
`;

test('a short configuration means all of this', (t) => {
  const { files, digest: _digest, path: _path, ...config } = loadYaml(t, EXAMPLE);
  assert.equal(files.length, 1);
  assert.deepEqual(config, {
    imds: { v1: 'deny', allowAnyEndpoint: false },
    refresh: { maxInterval: 300_000 },
    startupWait: 60_000,
    log: { level: 'info', format: 'auto' },
    trustedGroups: [],
    privateVolumes: [],
    metrics: {},
    lockdown: { allowUsers: [], containers: 'allow' },
    sources: [],
    sinks: [
      {
        format: 'aws-credentials',
        path: '/root/.aws/credentials',
        source: 'instance',
        mode: 0o600,
        isUsualMode: true,
        notify: [],
        profile: 'default',
        securityToken: 'auto',
        accountId: false,
        comment: true,
      },
      {
        format: 'dotenv',
        path: '/etc/myapp/aws.env',
        source: 'instance',
        mode: 0o640,
        owner: 'root',
        group: 1000,
        notify: ['myapp'],
        prefix: '',
        names: {
          accessKeyId: 'AWS_ACCESS_KEY_ID',
          secretAccessKey: 'AWS_SECRET_ACCESS_KEY',
          sessionToken: 'AWS_SESSION_TOKEN',
          expiration: 'AWS_CREDENTIAL_EXPIRATION',
        },
        export: false,
        only: false,
        comment: true,
      },
      {
        format: 'json',
        path: '/var/lib/legacy/iam.json',
        source: 'instance',
        mode: 0o600,
        isUsualMode: true,
        owner: 1001,
        notify: ['legacy'],
        content: { shape: 'imds' },
      },
    ],
    consumers: [
      {
        type: 'systemd',
        name: 'myapp',
        when: 'auto',
        unit: 'myapp.service',
        action: 'try-reload-or-restart',
        signal: 'SIGHUP',
        handlesSignal: false,
      },
      {
        type: 'signal',
        name: 'legacy',
        when: 'changed',
        signal: 'SIGUSR1',
        target: { pidFile: '/run/legacy.pid' },
        handlesSignal: false,
      },
    ],
  });
});

test('the configuration is frozen to its depths', (t) => {
  const config = loadYaml(t, EXAMPLE);
  const isFrozen = (value: unknown): boolean =>
    typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(isFrozen));
  assert.ok(isFrozen(config));
});

describe('a mode is octal however it is written', () => {
  const modes: Readonly<Record<string, number>> = {
    '0640': 0o640,
    '"0640"': 0o640,
    "'640'": 0o640,
    '640': 0o640,
    '0o640': 0o640,
    '00640': 0o640,
    '400': 0o400,
    '0777': -1,
    '0770': 0o770,
    '0602': -1,
    '0200': -1,
    '600': 0o600,
    '6': -1,
    '0': -1,
    '4600': -1,
    '01600': -1,
    '384': -1,
    '0680': -1,
    '0x180': -1,
    '-600': -1,
    '600.0': -1,
    '6e2': -1,
    rw: -1,
    true: -1,
    '[6, 0, 0]': -1,
    '0o': -1,
  };
  for (const [written, meant] of Object.entries(modes)) {
    test(`${written} is ${meant < 0 ? 'refused' : meant.toString(8)}`, (t) => {
      const { result } = load(t, {
        'credrotate.yaml': `sinks: [{ path: /a, format: json, mode: ${written} }]`,
      });
      assert.equal(result.ok ? result.config.sinks[0]?.mode : -1, meant);
    });
  }

  test('any is one that keeps others out, of a file system that has its own', (t) => {
    const { result, text } = load(t, { 'credrotate.yaml': 'sinks: [{ path: /a, format: json, mode: any }]' });
    assert.ok(result.ok);
    assert.deepEqual([result.config.sinks[0]?.mode, result.config.sinks[0]?.isModeAny, text], [0o600, true, '']);
  });

  test('one that lets everybody read is a warning', (t) => {
    const { result, text } = load(t, {
      'credrotate.yaml': 'sinks: [{ path: /a, format: json, mode: 0644 }]',
    });
    assert.equal(result.ok, true);
    assert.equal(
      text,
      'credrotate.yaml:1:41: warning: sinks[0].mode: expected a mode that keeps others out, got "0644": ' +
        'every user of this machine can read the secret\n  hint: give it a group: and mode 0640\n',
    );
  });
});

describe('durations', () => {
  const durations: Readonly<Record<string, number>> = {
    '90s': 90_000,
    '5m': 300_000,
    '1h': 3_600_000,
    '2h30m': 9_000_000,
    '1h0m5s': 3_605_000,
    '1500ms': 1500,
    '2s500ms': 2500,
  };
  for (const [written, meant] of Object.entries(durations)) {
    test(`${written} is ${String(meant)} ms`, (t) => {
      const { result } = load(t, { 'credrotate.yaml': `sinks: []\nrefresh: { max_interval: ${written} }` });
      assert.equal(result.ok && result.config.refresh.maxInterval, meant);
    });
  }
  for (const written of ['m', '5m2h', '5 m', '1.5h', '-5m', '5M', '5mm', '5m5m', '99999999999h', '0x5m']) {
    test(`${written} is none`, (t) => {
      const { result } = load(t, { 'credrotate.yaml': `sinks: []\nrefresh: { max_interval: ${written} }` });
      assert.equal(result.ok, false);
    });
  }
});

test('who is notified when, if nothing is said', (t) => {
  const config = loadYaml(
    t,
    `
sinks: [{ path: /a, format: json, notify: [try, reload, restart, kill, signal, exec, said] }]
consumers:
  try: { type: systemd, unit: a, before: 1h }
  reload: { type: systemd, unit: a.socket, action: reload }
  restart: { type: systemd, unit: a@b, action: restart }
  kill: { type: systemd, unit: a.b, action: kill, signal: SIGUSR2 }
  signal: { type: signal, process: { exe: /bin/a, user: 5 }, handles_signal: true }
  exec: { type: exec, command: [/bin/true, ""], timeout: 5m }
  said: { type: systemd, unit: a, when: changed }
`,
  );
  const told = config.consumers.map(({ name, when, before }) => [name, when, before]);
  assert.deepEqual(told, [
    ['try', 'auto', 3_600_000],
    ['reload', 'changed', undefined],
    ['restart', 'expiring', undefined],
    ...['kill', 'signal', 'exec', 'said'].map((name) => [name, 'changed', undefined]),
  ]);
  const units = config.consumers.map((consumer) => (consumer.type === 'systemd' ? consumer.unit : ''));
  assert.deepEqual(units, ['a.service', 'a.socket', 'a@b.service', 'a.b.service', '', '', 'a.service']);
});
