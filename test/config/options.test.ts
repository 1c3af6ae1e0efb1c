import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AssumeRoleConfig } from '../../src/core/config.ts';
import { load, loadYaml } from './harness.ts';

test('every option of a dotenv sink', (t) => {
  const { sinks } = loadYaml(
    t,
    `sinks: [{ path: /a, format: dotenv, prefix: APP_, names: { access_key_id: KEY, expiration: null }, export: true, only: true }]`,
  );
  assert.deepEqual(sinks[0], {
    format: 'dotenv',
    path: '/a',
    source: 'instance',
    mode: 0o600,
    isUsualMode: true,
    notify: [],
    prefix: 'APP_',
    names: {
      accessKeyId: 'KEY',
      secretAccessKey: 'APP_AWS_SECRET_ACCESS_KEY',
      sessionToken: 'APP_AWS_SESSION_TOKEN',
      expiration: null,
    },
    export: true,
    only: true,
    comment: true,
  });
});

test('other variables of a dotenv sink: the region for each SDK with the prefix, and others by name', (t) => {
  const names = '{ region: R, expiration_epoch: UNTIL, role: ROLE }';
  const { sinks } = loadYaml(
    t,
    `sinks: [{ path: /a, format: dotenv, prefix: APP_, region: true, names: ${names} }, { path: /b, format: dotenv }]`,
  );
  const [first, second] = sinks;
  assert.deepEqual(first && 'others' in first && first.others, [
    { field: 'region', key: 'APP_AWS_REGION' },
    { field: 'region', key: 'APP_AWS_DEFAULT_REGION' },
    { field: 'expiration_epoch', key: 'UNTIL' },
    { field: 'region', key: 'R' },
    { field: 'role', key: 'ROLE' },
  ]);
  assert.equal(second && 'others' in second, false);
});

test('a source is a role to assume, with the keys of its tags as they are written', (t) => {
  const { sources, sinks } = loadYaml(
    t,
    `sources: { b: { type: assume_role, role_arn: "arn:aws-cn:iam::123456789012:role/x/y", duration: 15m, tags: { cost_center: a } } }
sinks: [{ path: /a, format: json, source: b }]`,
  );
  assert.deepEqual(sources, [
    {
      name: 'b',
      type: 'assume_role',
      roleArn: 'arn:aws-cn:iam::123456789012:role/x/y',
      from: 'instance',
      duration: 900_000,
      tags: { cost_center: 'a' },
      transitiveTags: [],
      policyArns: [],
    },
  ]);
  assert.equal(sinks[0]?.source, 'b');
});

test('a web identity lives as long as its role lets it, and a container has a port of a user', (t) => {
  const { sources } = loadYaml(
    t,
    `sources:
  pod: { type: web_identity, role_arn: "arn:aws:iam::123456789012:role/x", token_file: /t, duration: 12h }
  env: { type: web_identity }
  task: { type: container, endpoint: "HTTP://LOCALHOST:8080/c/", user: ggc, trusted_user: 990 }
sinks: [{ path: /a, format: json, source: task }]`,
  );
  assert.deepEqual(sources, [
    {
      name: 'pod',
      type: 'web_identity',
      roleArn: 'arn:aws:iam::123456789012:role/x',
      tokenFile: '/t',
      duration: 43_200_000,
      policyArns: [],
    },
    { name: 'env', type: 'web_identity', policyArns: [] },
    { name: 'task', type: 'container', endpoint: 'http://localhost:8080/c/', user: 'ggc', trustedUser: 990 },
  ]);
});

test('a source may have as many tags and policies as STS takes, of the greatest length', (t) => {
  const tags = Array.from({ length: 50 }, (_, index) => `${String(index).padEnd(128, 'ü')}: ${'ß'.repeat(256)}`);
  const arns = Array.from({ length: 10 }, (_, index) => `"arn:aws:iam::aws:policy/P${index}"`);
  const source = `role_arn: "arn:aws:iam::123456789012:role/x", tags: { ${tags.join(', ')} }, policy_arns: [${arns.join(', ')}]`;
  const text = `sources: { b: { type: assume_role, ${source} } }\nsinks: [{ path: /a, format: json, source: b }]`;
  const [read] = loadYaml(t, text).sources as AssumeRoleConfig[];
  assert.deepEqual([Object.keys(read?.tags ?? {}).length, read?.policyArns.length], [50, 10]);
});

test('keys of a JSON sink are dotted or lists', (t) => {
  const { sinks } = loadYaml(
    t,
    'sinks: [{ path: /a, format: json, keys: { access_key_id: aws.accessKeyId, role: [a.b, role] } }]',
  );
  assert.deepEqual(sinks[0], {
    format: 'json',
    path: '/a',
    source: 'instance',
    mode: 0o600,
    isUsualMode: true,
    notify: [],
    content: { keys: { access_key_id: ['aws', 'accessKeyId'], role: ['a.b', 'role'] } },
  });
});

describe('the endpoint of the metadata service', () => {
  const accepted: Readonly<Record<string, string>> = {
    'http://127.0.0.1:1338': 'http://127.0.0.1:1338',
    'http://localhost/': 'http://localhost',
    'http://[::1]:80': 'http://[::1]',
    'http://169.254.169.254//': 'http://169.254.169.254',
    'http://[fd00:ec2::254]': 'http://[fd00:ec2::254]',
    'http://2852039166': 'http://169.254.169.254',
  };
  for (const [written, meant] of Object.entries(accepted)) {
    test(`${written} is ${meant}`, (t) => {
      const config = loadYaml(t, `sinks: []\nimds: { endpoint: "${written}" }`);
      assert.equal(config.imds.endpoint, meant);
    });
  }

  // Cause: the file was checked by the host alone, and the agent, which looks at the port too, refused to start.
  test('another port of a known address is another endpoint', (t) => {
    const { text } = load(t, {
      'credrotate.yaml': 'sinks: []\nimds: { endpoint: "http://169.254.169.254:8080" }',
    });
    assert.match(text, /^credrotate.yaml:2:19: imds.endpoint: expected a loopback address, 169\.254\.169\.254 or/);
  });

  test('any other is accepted where it is meant', (t) => {
    const config = loadYaml(t, 'sinks: []\nimds: { endpoint: "http://10.0.0.1", allow_any_endpoint: true }');
    assert.equal(config.imds.endpoint, 'http://10.0.0.1');
  });

  test('it makes a mode meaningless, which is said', (t) => {
    const { text } = load(t, {
      'credrotate.yaml':
        'sinks: [{ path: /a, format: json }]\nimds: { endpoint: "http://127.0.0.1", endpoint_mode: ipv6 }',
    });
    assert.match(text, /^credrotate.yaml:2:54: warning: imds.endpoint_mode: .* the endpoint counts\n$/);
  });
});

test('a schedule is a pattern, with or without time zone', (t) => {
  const pattern = '*/5 * * * *';
  const bare = loadYaml(t, `sinks: []\nrefresh: { schedule: "${pattern}" }`);
  assert.deepEqual(bare.refresh.schedule, { pattern });
  const zoned = loadYaml(t, `sinks: []\nrefresh: { schedule: { pattern: "${pattern}", timezone: Europe/Berlin } }`);
  assert.deepEqual(zoned.refresh.schedule, { pattern, timezone: 'Europe/Berlin' });
});

test('what does nothing is warned of', (t) => {
  const none = load(t, { 'credrotate.yaml': 'sinks: []\n' });
  assert.equal(
    none.text,
    'credrotate.yaml:1:1: warning: sinks: expected at least one sink, got none: nothing will be written\n',
  );
  const unused = load(t, {
    'credrotate.yaml':
      'sinks: [{ path: /a, format: json }]\nconsumers: { a: { type: exec, command: [/nonexistent/x] } }\n',
  });
  assert.equal(
    unused.text,
    'credrotate.yaml:2:14: warning: consumers.a: expected a sink that notifies it, got none: it will never be notified\n' +
      'credrotate.yaml:2:41: warning: consumers.a.command[0]: expected a program, got nothing there\n',
  );
});

test('a lockdown names users and what holds for containers', (t) => {
  const closing = (source: string): unknown => {
    const text = `sources: { task: { type: container${source} } }\nsinks: []`;
    return loadYaml(t, text).lockdown.addresses;
  };
  assert.deepEqual(closing(''), ['169.254.170.2', '169.254.170.23', 'fd00:ec2::23']);
  assert.deepEqual(closing(", endpoint: 'http://[fd00:ec2::23]/v1/credentials'"), ['fd00:ec2::23']);
  assert.equal(closing(", endpoint: 'http://localhost:8080/'"), undefined);
  const { lockdown } = loadYaml(t, 'sinks: []\nlockdown: { allow_users: [cwagent, 1001, "1002"], containers: deny }');
  assert.deepEqual(lockdown, { allowUsers: ['cwagent', 1001, 1002], containers: 'deny' });
});
