import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { load } from './harness.ts';

const [, ...cases] = readFileSync(join(import.meta.dirname, 'wrong-configs.txt'), 'utf8').split(/^### /m);

describe('a wrong configuration is refused', () => {
  for (const text of cases) {
    const [, name = '', yaml = '', expected = ''] = /^(.*)\n([^]*?)\n>>>\n([^]*)$/.exec(text) ?? [];
    test(name, (t) => {
      const { result, text: got } = load(t, { 'credrotate.yaml': `${yaml}\n` });
      assert.equal(result.ok, false);
      assert.equal(got.replaceAll('credrotate.yaml:', ''), expected);
    });
  }

  test('the cases were read', () => {
    assert.ok(cases.length > 80);
  });
});

test('every problem of a file is reported at once, in the order of its lines', (t) => {
  const { text } = load(t, {
    'credrotate.yaml': [
      'sinks:',
      '  - path: x.env',
      '    format: dotenv',
      '    mode: 0666',
      '    exprot: true',
      '    notify: [b]',
      '  - path: /a',
      '    format: json',
      '    shape: imds',
      '    keys: { role: 5 }',
      'consumers:',
      '  a: { type: signal, signal: KILL }',
      'startup_wait: 5',
    ].join('\n'),
  });
  assert.deepEqual(
    text.match(/^credrotate.yaml:\d+:\d+: [\w[\].]+/gm),
    [
      '2:11: sinks[0].path',
      '4:11: sinks[0].mode',
      '5:5: sinks[0].exprot',
      '6:14: sinks[0].notify[0]',
      '10:11: sinks[1].keys',
      '10:19: sinks[1].keys.role',
      '12:6: consumers.a',
      '12:30: consumers.a.signal',
      '13:15: startup_wait',
    ].map((line) => `credrotate.yaml:${line}`),
  );
});

test('what is printed holds no control characters, whatever the file held', (t) => {
  const { text } = load(t, {
    'credrotate.yaml': 'sinks: [{ path: "x\\e[2J\\u202e", format: dotenv }]\n"\\e]0;x\\a": 1\n',
  });
  assert.match(text, /x\\u\{1b\}\[2J\\u\{202e\}/);
  assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
});
