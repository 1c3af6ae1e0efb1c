import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { renderErrors, renderFindings } from '../../scripts/errors.ts';
import { exitCodeOfError } from '../../src/core/exit.ts';
import { FINDING_IDS } from '../../src/core/findings.ts';
import { CODES, ERROR_CODES, explainCode, EXPLANATIONS, listCodes } from '../../src/explain/explain.ts';

test('docs/errors.md is what npm run errors makes', async () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/errors.md'), 'utf8');
  assert.equal(page, await renderErrors());
});

test('packaging/findings.json is what npm run errors makes of docs/doctor.md', async () => {
  const text = readFileSync(join(import.meta.dirname, '../../packaging/findings.json'), 'utf8');
  assert.equal(text, await renderFindings());
  assert.deepEqual(Object.keys(JSON.parse(text) as object).sort(), [...FINDING_IDS].sort());
});

describe('explain', () => {
  test('fits a terminal of 80 columns', () => {
    for (const text of [listCodes(), ...CODES.map((code) => explainCode(code) ?? '')])
      // A command stays whole, to be copied.
      for (const line of text.split('\n')) assert.ok(line.length <= 80 || line.startsWith('  aws '), line);
  });

  test('says of every error what it means, how it comes about and what to do', () => {
    assert.ok(ERROR_CODES.length > 30);
    for (const code of ERROR_CODES) {
      const { means, causes, remedies } = EXPLANATIONS[code];
      assert.ok(causes.length > 0 && remedies.length > 0, code);
      for (const text of [...causes, ...remedies]) assert.match(text, /\.$/, code);
      assert.match(means, /^[a-z].*[a-z]$/, code);
      const text = explainCode(code) ?? '';
      assert.ok(text.startsWith(`${code}: ${means}\n\nHow it comes about:\n  - `), text);
      assert.match(text, new RegExp(`\n\nExit code +${exitCodeOfError(code)}  `));
      assert.doesNotMatch(text, /`/);
    }
    const meanings = ERROR_CODES.map((code) => EXPLANATIONS[code].means);
    assert.equal(new Set(meanings).size, meanings.length);
  });

  test('says of an exit code which errors lead to it', () => {
    const named = (code: string): string[] =>
      [...(explainCode(code) ?? '').matchAll(/^ {2}([A-Z_]+) /gm)].map(([, name = '']) => name);
    assert.deepEqual(named('78'), ['CONFIG_INVALID', 'CONFIG_UNREADABLE', 'CONFIG_UNSAFE', 'STS_REJECTED']);
    const all = CODES.filter((code) => /^\d/.test(code)).flatMap(named);
    assert.deepEqual(all.sort(), [...ERROR_CODES].sort());
  });

  test('takes a code however it is written, and nothing else', () => {
    assert.equal(explainCode('sink-unsafe-path'), explainCode('SINK_UNSAFE_PATH'));
    for (const other of ['', '1', '077', 'constructor', 'SINK_', '__proto__'])
      assert.equal(explainCode(other), undefined);
  });
});
