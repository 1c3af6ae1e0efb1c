import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ImdsConfig } from '../../src/core/config.ts';
import { AgentError } from '../../src/core/errors.ts';
import { resolveSettings } from '../../src/source/imds/settings.ts';

const ENDPOINT = 'AWS_EC2_METADATA_SERVICE_ENDPOINT';
const MODE = 'AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE';
const PROFILE = 'AWS_EC2_INSTANCE_PROFILE_NAME';
const TIMEOUT = 'AWS_METADATA_SERVICE_TIMEOUT';
const ATTEMPTS = 'AWS_METADATA_SERVICE_NUM_ATTEMPTS';
const IPV4 = 'http://169.254.169.254';
const IPV6 = 'http://[fd00:ec2::254]';
const LOCAL = 'http://127.0.0.1:1338';

type Env = Readonly<Record<string, string>>;

function resolve(config: Partial<ImdsConfig>, env: Env = {}): ReturnType<typeof resolveSettings> {
  return resolveSettings({ allowAnyEndpoint: false, v1: 'deny', ...config }, env);
}

describe('the endpoint', () => {
  const table: [name: string, config: Partial<ImdsConfig>, env: Env, origin: string][] = [
    ['is the known IPv4 one', {}, {}, IPV4],
    ['is the IPv6 one by the mode of the file', { endpointMode: 'ipv6' }, {}, IPV6],
    ['is the IPv6 one by the mode of the environment', {}, { [MODE]: 'IPv6' }, IPV6],
    ['takes the mode in any case', {}, { [MODE]: 'iPV6' }, IPV6],
    ['takes an empty mode for none', {}, { [MODE]: '' }, IPV4],
    ['prefers the mode of the file', { endpointMode: 'ipv4' }, { [MODE]: 'IPv6' }, IPV4],
    ['comes from the environment', {}, { [ENDPOINT]: LOCAL }, LOCAL],
    ['is empty in the environment, and so unset', {}, { [ENDPOINT]: '' }, IPV4],
    ['comes from the file first', { endpoint: LOCAL }, { [ENDPOINT]: 'http://127.0.0.2' }, LOCAL],
    ['of the environment wins over the mode of the file', { endpointMode: 'ipv6' }, { [ENDPOINT]: LOCAL }, LOCAL],
    ['makes a wrong mode harmless', { endpoint: LOCAL }, { [MODE]: 'ipx' }, LOCAL],
    ['loses slashes at the end', { endpoint: `${LOCAL}//` }, {}, LOCAL],
    ['may be localhost', { endpoint: 'http://LOCALHOST:8080' }, {}, 'http://localhost:8080'],
    ['may be any loopback address', { endpoint: 'http://127.1.2.3' }, {}, 'http://127.1.2.3'],
    ['may be the loopback address of IPv6', { endpoint: 'http://[0::1]:8080/' }, {}, 'http://[::1]:8080'],
    ['may be the known IPv4 one', { endpoint: `${IPV4}:80/` }, {}, IPV4],
    ['may be the known IPv6 one', { endpoint: 'http://[FD00:EC2:0::254]' }, {}, IPV6],
    [
      'may be any if that is allowed',
      { endpoint: 'http://10.0.0.1:8181', allowAnyEndpoint: true },
      {},
      'http://10.0.0.1:8181',
    ],
  ];
  for (const [name, config, env, origin] of table) {
    test(name, () => {
      assert.equal(resolve(config, env).origin, origin);
    });
  }
});

describe('refused as an endpoint', () => {
  const table: [value: string, message: RegExp][] = [
    ['http://10.0.0.1', /expected a loopback address, .*, got http:\/\/10\.0\.0\.1$/],
    ['http://169.254.170.2', /expected a loopback address/],
    [`${IPV4}:8080`, /expected a loopback address/],
    ['http://127.0.0.1.example.com', /expected a loopback address/],
    ['http://localhost.example.com', /expected a loopback address/],
    ['http://[::ffff:10.0.0.1]', /expected a loopback address/],
    ['http://0.0.0.0', /expected a loopback address/],
    ['https://127.0.0.1', /expected a URL such as .*, got https:\/\/…$/],
    ['127.0.0.1:1338', /got something without http:\/\/ in front$/],
    ['localhost:1338', /got something without http:\/\/ in front$/],
    ['http://', /expected a URL such as/],
    ['http://127.0.0.1:99999', /expected a URL such as/],
    ['http://user:SECRET@127.0.0.1', /expected scheme, host and port alone/],
    ['http://127.0.0.1/latest', /expected scheme, host and port alone/],
    ['http://127.0.0.1/?a', /expected scheme, host and port alone/],
    ['http://127.0.0.1/#a', /expected scheme, host and port alone/],
  ];
  for (const [value, message] of table) {
    for (const [name, config, env] of [
      ['imds.endpoint', { endpoint: value }, {}],
      [ENDPOINT, {}, { [ENDPOINT]: value }],
    ] as [string, Partial<ImdsConfig>, Env][]) {
      test(`${value} by ${name}`, () => {
        refuses(config, env, name, message);
      });
    }
  }

  test('an empty one in the file', () => {
    refuses({ endpoint: '' }, {}, 'imds.endpoint', /expected a URL such as/);
  });

  test('a mode of another name', () => {
    refuses({}, { [MODE]: 'ipv5' }, MODE, /expected IPv4 or IPv6, got "ipv5"/);
  });
});

describe('disabled', () => {
  for (const [value, disabled] of [
    ['true', true],
    ['TRUE', true],
    ['True', true],
    ['false', false],
    ['1', false],
    ['', false],
  ] as const) {
    test(`AWS_EC2_METADATA_DISABLED=${value}: ${disabled}`, () => {
      assert.equal(resolve({}, { AWS_EC2_METADATA_DISABLED: value }).disabled, disabled);
    });
  }
});

describe('the role', () => {
  const table: [name: string, config: Partial<ImdsConfig>, env: Env, role: string | undefined][] = [
    ['is to be discovered', {}, {}, undefined],
    ['comes from the environment', {}, { [PROFILE]: 'web' }, 'web'],
    ['loses the space around it', {}, { [PROFILE]: ' web\n' }, 'web'],
    ['comes from the file first', { role: 'web' }, { [PROFILE]: '' }, 'web'],
    ['is empty in the environment, and so unset', {}, { [PROFILE]: '' }, undefined],
    ['may have every character of IAM', { role: 'a.B_c+d=e,f@g-1' }, {}, 'a.B_c+d=e,f@g-1'],
  ];
  for (const [name, config, env, role] of table) {
    test(name, () => {
      assert.equal(resolve(config, env).role, role);
    });
  }

  for (const [value, got] of [
    [' \t', 'a blank value'],
    ['..', 'something else'],
    ['arn:aws:iam::123456789012:role/web', 'something else'],
    ['web server', 'something else'],
    ['web\nserver', 'something else'],
  ] as const) {
    test(`is not ${JSON.stringify(value)}`, () => {
      refuses({}, { [PROFILE]: value }, PROFILE, new RegExp(`expected the name of a role, got ${got}$`));
      refuses({ role: value }, {}, 'imds.role', new RegExp(`expected the name of a role, got ${got}$`));
    });
  }
});

describe('patience', () => {
  const table: [name: string, config: Partial<ImdsConfig>, env: Env, timeout: number, attempts: number][] = [
    ['has defaults', {}, {}, 1000, 4],
    ['comes from the environment', {}, { [TIMEOUT]: '5', [ATTEMPTS]: '2' }, 5000, 2],
    ['may have fractions of a second', {}, { [TIMEOUT]: ' 0.25 ' }, 250, 4],
    ['may be a fraction alone', {}, { [TIMEOUT]: '.5' }, 500, 4],
    ['comes from the file first', { timeout: 300, attempts: 1 }, { [TIMEOUT]: '5', [ATTEMPTS]: '2' }, 300, 1],
    ['of the file makes wrong variables harmless', { timeout: 300, attempts: 1 }, { [TIMEOUT]: 'x' }, 300, 1],
    ['is empty in the environment, and so unset', {}, { [TIMEOUT]: '', [ATTEMPTS]: '' }, 1000, 4],
    ['of the environment has an upper bound', {}, { [TIMEOUT]: '3600', [ATTEMPTS]: '99999999999' }, 30_000, 20],
    ['of the environment has a lower bound', {}, { [TIMEOUT]: '0.001', [ATTEMPTS]: '1' }, 50, 1],
  ];
  for (const [name, config, env, timeout, attempts] of table) {
    test(name, () => {
      const settings = resolve(config, env);
      assert.deepEqual([settings.timeout, settings.attempts], [timeout, attempts]);
    });
  }

  for (const value of ['0', '-1', '1s', 'NaN', 'Infinity', '1e3', '0x10']) {
    test(`is not ${value}`, () => {
      refuses({}, { [TIMEOUT]: value }, TIMEOUT, /expected seconds, more than 0, got something else$/);
      refuses({}, { [ATTEMPTS]: value }, ATTEMPTS, /expected a whole number from 1, got something else$/);
    });
  }
});

function refuses(config: Partial<ImdsConfig>, env: Env, name: string, message: RegExp): void {
  assert.throws(
    () => resolve(config, env),
    (error) => {
      assert(error instanceof AgentError);
      assert.equal(error.code, 'CONFIG_INVALID');
      assert(error.message.startsWith(`${name}: expected `), error.message);
      assert.match(error.message, message);
      assert(error.hint);
      assert.doesNotMatch(error.message, /SECRET/);
      return true;
    },
  );
}
