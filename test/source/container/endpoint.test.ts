import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readContainerEndpoint } from '../../../src/core/endpoint.ts';
import { locate } from '../../../src/source/container/endpoint.ts';
import { failure } from '../../support/failure.ts';

const CONFIG = { type: 'container', name: 'task' } as const;
const [RELATIVE, FULL] = ['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', 'AWS_CONTAINER_CREDENTIALS_FULL_URI'];

describe('an endpoint', () => {
  const taken = [
    'https://credentials.example:9443/x?a=1',
    'https://10.0.0.1/',
    'http://localhost:8080/2016-11-01/credentialprovider/',
    'http://127.0.0.1:1/',
    'http://127.1.2.3/',
    'http://[::1]:1338/',
    'http://169.254.170.2/v2/credentials/x',
    'http://169.254.170.23:8000/v1/credentials',
    'http://[fd00:ec2::23]:81/v1/credentials',
  ];
  for (const url of taken) {
    test(`at ${url} is taken`, () => {
      assert.deepEqual(readContainerEndpoint(url), { value: url });
    });
  }

  const refused = [
    'http://192.168.10.120/',
    'http://169.254.171.23/',
    'http://169.254.169.254/',
    'http://[fd00:ec2::2]/',
    'http://localhost.example/',
    'http://credentials/',
    'http://2852039426.example/',
    'http://user:secret@127.0.0.1/',
    'https://user:secret@credentials.example/',
    'http://127.0.0.1/#secret',
    'ftp://127.0.0.1/',
    'file:///etc/passwd',
    '//127.0.0.1/',
    '/v2/credentials',
    '',
  ];
  for (const url of refused) {
    test(`at ${url} is refused, and not quoted`, () => {
      assert.throws(
        () => locate(CONFIG, { [FULL]: url }),
        (error) =>
          failure('CONFIG_INVALID', new RegExp(`^${FULL}: expected `), /endpoint:/)(error) &&
          !String(error).includes('secret'),
      );
    });
  }
});

describe('the environment', () => {
  const place = (env: Record<string, string>): string => locate(CONFIG, env).url.href;

  test('without variables names none', () => {
    assert.throws(() => place({}), failure('CONFIG_INVALID', /got none$/, /endpoint:/));
  });

  test('names a path at ECS, with its query, before a whole URL', () => {
    assert.equal(place({ [RELATIVE]: '/c' }), 'http://169.254.170.2/c');
    assert.equal(
      place({ [RELATIVE]: '/v1/credentials?id=1', [FULL]: 'http://127.0.0.1/' }),
      'http://169.254.170.2/v1/credentials?id=1',
    );
  });

  for (const path of ['@evil.example/', '.evil.example/', ':80@evil.example/', 'c', 'http://127.0.0.1/']) {
    test(`cannot lead elsewhere by the path ${path}`, () => {
      assert.throws(() => place({ [RELATIVE]: path }), failure('CONFIG_INVALID', /a path that begins with \//, /./));
    });
  }

  test('cannot lead elsewhere by two slashes or backslashes', () => {
    for (const path of ['//evil.example/', '/\\evil.example/', '/../..//evil.example/', '/\t/evil.example'])
      assert.equal(new URL(place({ [RELATIVE]: path })).host, '169.254.170.2');
  });

  test('does not complete what is configured', () => {
    const env = { [FULL]: 'http://127.0.0.1:2/', AWS_CONTAINER_AUTHORIZATION_TOKEN: 'secret' };
    const { url, token } = locate({ ...CONFIG, endpoint: 'http://127.0.0.1:1/' }, env);
    assert.equal(url.href, 'http://127.0.0.1:1/');
    assert.equal(token(0), undefined);
  });

  test('with a line break in its token is refused, which is not quoted', () => {
    const env = { [FULL]: 'http://127.0.0.1:2/', AWS_CONTAINER_AUTHORIZATION_TOKEN: 'secret\r\nhost: evil' };
    assert.throws(
      () => locate(CONFIG, env).token(0),
      (error) =>
        failure('SOURCE_MALFORMED', /^AWS_CONTAINER_AUTHORIZATION_TOKEN: /, /./)(error) &&
        !String(error).includes('secret'),
    );
  });
});
