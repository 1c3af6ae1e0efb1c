import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, readList } from '../../scripts/advisories.ts';
import { bundledVersions } from '../../scripts/package/third-party.ts';

const DAY = 86_400_000;

test('a known fault in what is bundled is open until the version is raised', () => {
  const fault = { id: 'X-1', package: 'nodejs', affected: '>=26.0.0 <26.3.1', concernsUs: true, reason: 'it hangs' };
  const list = { checked: '2026-11-30', sources: [], advisories: [fault] };
  const now = Date.parse('2026-11-30T12:00:00Z');
  const verdict = (version: string, change = {}, days = 0): boolean =>
    judge({ ...list, advisories: [{ ...fault, ...change }] }, [{ name: 'nodejs', version }], now + days * DAY).isGood;
  assert.deepEqual([verdict('26.3.0'), verdict('26.3.1'), verdict('26.4.0')], [false, true, true]);
  assert.equal(verdict('26.3.0', { concernsUs: false }), true);
  assert.equal(verdict('26.3.0', { package: 'nodejs-undici' }), true);
  assert.deepEqual([verdict('26.3.1', {}, 30), verdict('26.3.1', {}, 31)], [true, false]);
});

test('the list can be read, and names nothing that concerns us in what is bundled', async () => {
  const list = readList();
  assert.ok(list.advisories.length > 0);
  assert.deepEqual(judge(list, await bundledVersions(), Date.parse(list.checked)).open, []);
});

test('a list that cannot be used says where', () => {
  assert.throws(() => readList('{"checked":"soon","sources":[],"advisories":[]}'), /date/i);
});
