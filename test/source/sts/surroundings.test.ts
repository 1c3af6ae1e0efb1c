import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readCertificates } from '../../../src/source/certificates.ts';
import { placeOf } from '../../../src/source/sts/place.ts';
import { proxyFor } from '../../../src/source/sts/proxy.ts';
import { writeAuthority } from '../../support/certificates.ts';
import { failure } from '../../support/failure.ts';
import { startProxy } from '../../support/proxy.ts';
import { assumeRole, badOf, goodOf, stsRig } from '../../support/sts-scene.ts';
import { tempDir } from '../../support/temp-dir.ts';

const roleIn = (partition: string): string => `arn:${partition}:iam::210987654321:role/backup`;

describe('where STS is', () => {
  const hosts: readonly [region: string, partition: string, host: string][] = [
    ['eu-central-1', 'aws', 'sts.eu-central-1.amazonaws.com'],
    ['il-central-1', 'aws', 'sts.il-central-1.amazonaws.com'],
    ['ap-east-1', 'aws', 'sts.ap-east-1.amazonaws.com'],
    ['cn-northwest-1', 'aws-cn', 'sts.cn-northwest-1.amazonaws.com.cn'],
    ['us-gov-west-1', 'aws-us-gov', 'sts.us-gov-west-1.amazonaws.com'],
    ['eusc-de-east-1', 'aws-eusc', 'sts.eusc-de-east-1.amazonaws.eu'],
    ['us-iso-east-1', 'aws-iso', 'sts.us-iso-east-1.c2s.ic.gov'],
    ['us-isob-east-1', 'aws-iso-b', 'sts.us-isob-east-1.sc2s.sgov.gov'],
    ['eu-isoe-west-1', 'aws-iso-e', 'sts.eu-isoe-west-1.cloud.adc-e.uk'],
    ['us-isof-south-1', 'aws-iso-f', 'sts.us-isof-south-1.csp.hci.ic.gov'],
  ];
  for (const [region, partition, host] of hosts) {
    test(`for ${region}: ${host}; a role of another partition is refused`, () => {
      assert.deepEqual(placeOf(assumeRole({ region, roleArn: roleIn(partition) }), {}, undefined), {
        origin: `https://${host}`,
        region,
      });
      const other = partition === 'aws' ? 'aws-cn' : 'aws';
      assert.throws(
        () => placeOf(assumeRole({ region, roleArn: roleIn(other) }), {}, undefined),
        failure(
          'CONFIG_INVALID',
          new RegExp(`^role_arn: .*${partition}, the partition of ${region}, got one of ${other}$`),
          /region:/,
        ),
      );
    });
  }

  const regions: readonly [
    what: string,
    config: string | undefined,
    env: Record<string, string>,
    base: string | undefined,
  ][] = [
    ['the configuration', 'eu-west-1', { AWS_REGION: 'us-west-1' }, 'us-west-2'],
    ['AWS_REGION', undefined, { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'us-west-1' }, 'us-west-2'],
    ['AWS_DEFAULT_REGION', undefined, { AWS_REGION: '', AWS_DEFAULT_REGION: 'eu-west-1' }, 'us-west-2'],
    ['the base', undefined, {}, 'eu-west-1'],
  ];
  for (const [what, region, env, base] of regions) {
    test(`the region is that of ${what}`, () => {
      const config = assumeRole(region === undefined ? {} : { region });
      assert.equal(placeOf(config, env, base).region, 'eu-west-1');
    });
  }

  test('is not guessed', () => {
    assert.throws(
      () => placeOf(assumeRole(), {}, undefined),
      failure('CONFIG_INVALID', /^region: expected one, got none/, /set region:/),
    );
    for (const region of ['aws-global', 'us-east-1a', 'x.example/', 'eu-west-1.evil.example'])
      assert.throws(
        () => placeOf(assumeRole(), { AWS_REGION: region }, undefined),
        failure('CONFIG_INVALID', /^region: /, /region:/),
      );
  });

  test('is the endpoint of the configuration, else of the environment', () => {
    const env = { AWS_ENDPOINT_URL_STS: 'https://a.internal/', AWS_ENDPOINT_URL: 'https://b.internal' };
    const origin = (config = {}, given: Record<string, string> = env): string =>
      placeOf(assumeRole(config), given, 'us-east-1').origin;
    assert.equal(origin({ endpoint: 'https://c.internal' }), 'https://c.internal');
    assert.equal(origin(), 'https://a.internal');
    assert.equal(origin({}, { AWS_ENDPOINT_URL: 'http://127.0.0.1:4566' }), 'http://127.0.0.1:4566');
    for (const url of ['http://sts.internal', 'https://u:secret@sts.internal', 'https://sts.internal/path', 'x'])
      assert.throws(
        () => origin({}, { AWS_ENDPOINT_URL_STS: url }),
        (error) =>
          failure('CONFIG_INVALID', /^AWS_ENDPOINT_URL_STS: expected /, /./)(error) &&
          !String(error).includes('secret'),
      );
  });
});

describe('the proxy', () => {
  const STS = 'https://sts.eu-west-1.amazonaws.com';
  const PROXY = { HTTPS_PROXY: 'http://proxy.internal:3128' };

  test('is that of HTTPS_PROXY, of which the small spelling counts', () => {
    assert.deepEqual(proxyFor(STS, PROXY), { origin: 'http://proxy.internal:3128' });
    assert.deepEqual(proxyFor(STS, { ...PROXY, https_proxy: 'other:8080' }), { origin: 'http://other:8080' });
    assert.equal(proxyFor(STS, { HTTPS_PROXY: '', HTTP_PROXY: 'http://x', ALL_PROXY: 'http://x' }), undefined);
    assert.equal(proxyFor(STS, {}), undefined);
  });

  test('is told a name and a password, which may be encoded', () => {
    const { origin, authorization } = proxyFor(STS, { HTTPS_PROXY: 'http://u:p%40ss@proxy:3128' }) ?? {};
    assert.deepEqual(
      [origin, authorization],
      ['http://proxy:3128', `Basic ${Buffer.from('u:p@ss').toString('base64')}`],
    );
  });

  const exempt: readonly [noProxy: string, isExempt: boolean][] = [
    ['*', true],
    ['sts.eu-west-1.amazonaws.com', true],
    ['STS.EU-WEST-1.AMAZONAWS.COM', true],
    ['localhost, .amazonaws.com', true],
    ['amazonaws.com', true],
    ['*.amazonaws.com', true],
    ['amazonaws.com:443', true],
    ['amazonaws.com:8443', false],
    ['zonaws.com', false],
    ['sts.us-east-1.amazonaws.com', false],
    ['169.254.169.254', false],
    ['', false],
  ];
  for (const [noProxy, isExempt] of exempt) {
    test(`is ${isExempt ? 'not asked' : 'asked'} with NO_PROXY=${noProxy}`, () => {
      assert.equal(proxyFor(STS, { ...PROXY, NO_PROXY: noProxy }) === undefined, isExempt);
    });
  }

  test('a range in NO_PROXY, and a URL that is none, are errors that show no password', () => {
    const throws = (env: Record<string, string>, message: RegExp): void => {
      assert.throws(
        () => proxyFor(STS, env),
        (error) => failure('CONFIG_INVALID', message, /systemctl edit/)(error) && !String(error).includes('secret'),
      );
    };
    throws({ ...PROXY, NO_PROXY: 'localhost,10.0.0.0/8' }, /^NO_PROXY: .* a range of addresses/);
    throws(
      { HTTPS_PROXY: 'socks5://u:secret@proxy' },
      /^HTTPS_PROXY: expected http:\/\/HOST:PORT, got a URL with socks5:$/,
    );
    throws({ https_proxy: 'http://u:secret@' }, /^https_proxy: expected .*, got something else$/);
    throws({ HTTPS_PROXY: 'http://u:%secret@proxy' }, /^HTTPS_PROXY: /);
  });
});

describe('certificates', () => {
  test('are of ca_file, else of AWS_CA_BUNDLE, else of SSL_CERT_FILE', (t) => {
    const directory = tempDir(t);
    const write = (name: string): string => {
      writeFileSync(join(directory, name), `${name}\n-----BEGIN CERTIFICATE-----\n`);
      return join(directory, name);
    };
    const env = { AWS_CA_BUNDLE: write('bundle'), SSL_CERT_FILE: write('ssl') };
    assert.match(readCertificates(write('file'), env, 1) ?? '', /^file/);
    assert.match(readCertificates(undefined, env, 1) ?? '', /^bundle/);
    assert.match(readCertificates(undefined, { ...env, AWS_CA_BUNDLE: '' }, 1) ?? '', /^ssl/);
    assert.equal(readCertificates(undefined, { NODE_EXTRA_CA_CERTS: env.SSL_CERT_FILE }, 1), undefined);
  });

  test('that are none, or cannot be read, are errors that quote nothing', (t) => {
    const directory = tempDir(t);
    writeFileSync(join(directory, 'key'), 'secret');
    const throws = (path: string, code: 'CONFIG_INVALID' | 'CONFIG_UNREADABLE', message: RegExp): void => {
      assert.throws(
        () => readCertificates(path, {}, 1),
        (error) => failure(code, message, /./)(error) && !String(error).includes('secret'),
      );
    };
    throws(join(directory, 'key'), 'CONFIG_INVALID', /^ca_file: .*expected certificates as PEM/);
    throws(join(directory, 'none'), 'CONFIG_UNREADABLE', /^ca_file: .*ENOENT/);
    throws(directory, 'CONFIG_UNREADABLE', /^ca_file: .*a directory/);
  });

  test('that another user could change are refused to root', (t) => {
    if (process.getuid?.() !== 0) {
      t.skip('needs root');
      return;
    }
    const directory = tempDir(t);
    const { file } = writeAuthority(directory);
    const copy = join(directory, 'open.pem');
    copyFileSync(file, copy);
    chmodSync(copy, 0o666);
    assert.throws(() => readCertificates(copy, {}, 0), failure('CONFIG_UNSAFE', /open\.pem/, /./));
  });

  test('lead to STS over TLS; without them, and with those of NODE_EXTRA_CA_CERTS, nothing is sent', async (t) => {
    const { file, ...tls } = writeAuthority(tempDir(t));
    const rig = await stsRig(t, { tls });
    const warnings: string[] = [];
    const nothing = (): void => undefined;
    const log = {
      error: nothing,
      info: nothing,
      debug: nothing,
      warn: (message: string) => void warnings.push(message),
    };
    const refused = badOf(await rig.fetch({}, { env: { NODE_EXTRA_CA_CERTS: file }, log }));
    assert.deepEqual([refused.code, refused.retry], ['STS_UNTRUSTED', 'later']);
    assert.match(refused.hint ?? '', /ca_file:/);
    assert.match(warnings.join(), /^NODE_EXTRA_CA_CERTS is ignored/);
    assert.equal(rig.sts.calls.length, 0);
    goodOf(await rig.fetch({}, { env: { AWS_CA_BUNDLE: file, NODE_EXTRA_CA_CERTS: file } }));
  });

  test('and a proxy: the password stays out of what is said', async (t) => {
    const proxy = await startProxy(t, 407);
    const rig = await stsRig(t);
    const env = { HTTPS_PROXY: `http://u:secret@${proxy.host}` };
    const refused = badOf(await rig.fetch({ endpoint: 'https://sts.internal' }, { env }));
    assert.equal(refused.code, 'STS_UNREACHABLE');
    assert.match(refused.message, /got status 407$/);
    assert.doesNotMatch(JSON.stringify(refused), /secret/);
    assert.equal(proxy.requests.length, 1);
  });
});
