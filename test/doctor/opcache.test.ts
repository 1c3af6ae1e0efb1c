import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeptCompiled, whereNeverChecked } from '../../src/doctor/look/opcache.ts';
import { jsonSink } from '../support/topology.ts';

const seen = (text: string): string | undefined => whereNeverChecked(new Map([['/etc/php.ini', text]]));

test('PHP that never looks at a file again is found by the line that says so', () => {
  for (const line of [
    'opcache.validate_timestamps=0',
    '  opcache.validate_timestamps = Off ; faster',
    'php_admin_value[opcache.validate_timestamps] = 0',
    'php_flag[opcache.validate_timestamps] = "no"',
  ])
    assert.equal(seen(`[opcache]\n${line}\n`), '/etc/php.ini:2: opcache.validate_timestamps is off', line);
  for (const line of [
    ';opcache.validate_timestamps=0',
    'opcache.validate_timestamps=1',
    'opcache.revalidate_freq=0',
    '',
  ])
    assert.equal(seen(line), undefined, line);
});

test('it matters for a PHP file of which nobody is told', () => {
  assert.equal(isKeptCompiled(jsonSink('/etc/app/aws.php')), true);
  assert.equal(isKeptCompiled(jsonSink('/etc/app/aws.json')), false);
  assert.equal(isKeptCompiled({ ...jsonSink('/etc/app/aws.php'), notify: ['php'] }), false);
});
