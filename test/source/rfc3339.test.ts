import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseRfc3339 } from '../../src/source/document.ts';

const TIME = Date.UTC(2026, 10, 23, 23, 0, 1);

describe('the same moment', () => {
  for (const text of [
    '2026-11-23T23:00:01Z',
    '2026-11-23t23:00:01z',
    '2026-11-23T23:00:01+00:00',
    '2026-11-23T23:00:01-00:00',
    '2026-11-23T23:00:01+0000',
    '2026-11-24T00:30:01+01:30',
    '2026-11-23T15:00:01-0800',
    '2026-11-23T23:00:01.0Z',
    '2026-11-23T23:00:01.000000000Z',
    '2026-11-23T23:00:01.000999999+00:00',
  ]) {
    test(text, () => {
      assert.equal(parseRfc3339(text), TIME);
    });
  }
});

describe('fractions of a second', () => {
  for (const [fraction, ms] of [
    ['5', 500],
    ['05', 50],
    ['123', 123],
    ['123999', 123],
  ] as const) {
    test(fraction, () => {
      assert.equal(parseRfc3339(`2026-11-23T23:00:01.${fraction}Z`), TIME + ms);
    });
  }
});

test('29 February, in a leap year', () => {
  assert.equal(parseRfc3339('2028-02-29T00:00:00Z'), Date.UTC(2028, 1, 29));
});

describe('no time', () => {
  for (const text of [
    '',
    '2026-11-23',
    '2026-11-23T23:00:01',
    '2026-11-23 23:00:01Z',
    '2026-11-23T23:00Z',
    '2026-11-23T23:00:01.Z',
    '2026-11-23T23:00:01+00',
    '2026-11-23T23:00:01+24:00',
    '2026-11-23T23:00:01+00:60',
    '2026-11-23T24:00:00Z',
    '2026-11-23T23:60:00Z',
    '2026-11-23T23:59:60Z',
    '2026-02-29T00:00:00Z',
    '2026-02-31T00:00:00Z',
    '2026-00-10T00:00:00Z',
    '2026-13-10T00:00:00Z',
    '+002026-11-23T23:00:01Z',
    ' 2026-11-23T23:00:01Z',
    '2026-11-23T23:00:01Z\n',
    'Mon, 23 Nov 2026 23:00:01 GMT',
    '1795474801',
  ]) {
    test(JSON.stringify(text), () => {
      assert.equal(parseRfc3339(text), undefined);
    });
  }
});
