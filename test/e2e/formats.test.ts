import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { openSite } from '../support/agent.ts';

test('formats that are loaded late: planned without secrets, written, followed, and forgotten', async (t) => {
  const site = await openSite(t);
  const template = site.path('template');
  writeFileSync(template, '<v a="{{ access_key_id | xml }}">{{ secret_access_key | xml }} {{ region }}</v>\n');
  writeFileSync(site.path('s3cfg'), '[default]\nhost_base = s3.amazonaws.com\n');
  writeFileSync(site.path('app.properties'), 'server.port=8080\n');
  const keys = { access_key_id: 'aws.accessKeyId', secret_access_key: ['aws.secretKey', 'aws.secretAccessKey'] };
  const config = site.configure({
    sinks: [
      { path: site.path('s3cfg'), format: 'ini', preset: 's3cmd' },
      { path: site.path('app.properties'), format: 'properties', keys },
      { path: site.path('app.xml'), format: 'template', template_file: template },
      { format: 'value', directory: site.path('env'), names: { session_token: 'TOKEN', instance_id: 'INSTANCE' } },
    ],
  });
  const planned = await site.run(['plan', ...config]);
  assert.equal(planned.code, 0, planned.stderr);
  assert.match(planned.stdout, /\+ line 1: \{\{ secret_access_key \| xml \}\}/);
  assert.match(planned.stdout, /\+ the session_token/);
  const once = await site.run(['once', ...config]);
  assert.equal(once.code, 0, once.stdout);
  const read = (name: string): string => readFileSync(site.path(name), 'utf8');
  const id = /access_key = (ASIA\w+)\n/.exec(read('s3cfg'))?.[1] ?? assert.fail(read('s3cfg'));
  assert.match(read('s3cfg'), /^\[default\]\naccess_key = \S+\nsecret_key = \S+\naccess_token = \S+\nhost_base/);
  assert.match(read('app.properties'), new RegExp(`^server.port=8080\naws.accessKeyId=${id}\naws.secretKey=\\S+\naws`));
  assert.match(read('app.xml'), new RegExp(`^<v a="${id}">\\S+ [a-z]+-[a-z]+-\\d</v>\n$`));
  assert.match(read('env/INSTANCE'), /^i-\w+$/);
  const again = await site.run(['once', '--json', ...config]);
  assert.doesNotMatch(again.stdout, /"result": ?"(?:written|repaired)"/);
  const forgotten = await site.run(['forget', '--all', ...config]);
  assert.equal(forgotten.code, 0, forgotten.stdout);
  assert.deepEqual(
    ['app.xml', 'env/TOKEN', 'env/INSTANCE'].map((name) => existsSync(site.path(name))),
    [false, false, false],
  );
  assert.equal(read('s3cfg'), '[default]\nhost_base = s3.amazonaws.com\n');
  assert.equal(read('app.properties'), 'server.port=8080\n');
});
