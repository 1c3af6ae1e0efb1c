import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createClock, validatePattern } from '../../src/system/clock.ts';
import { countTimers } from './timers.ts';

const clock = createClock();

describe('nextMatch', () => {
  const cases: readonly [what: string, pattern: string, timezone: string, after: string, match: string][] = [
    ['every hour', '0 * * * *', 'UTC', '2026-05-01T10:00:00.500Z', '2026-05-01T11:00:00Z'],
    ['a match is not its own successor', '0 3 * * *', 'UTC', '2026-05-01T03:00:00Z', '2026-05-02T03:00:00Z'],
    ['a moment before a match', '0 3 * * *', 'UTC', '2026-05-01T02:59:59.999Z', '2026-05-01T03:00:00Z'],
    ['a zone', '0 3 * * *', 'Asia/Kolkata', '2026-05-01T00:00:00Z', '2026-05-01T21:30:00Z'],
    ['winter time', '30 2 * * *', 'Europe/Berlin', '2026-03-27T12:00:00Z', '2026-03-28T01:30:00Z'],
    // 02:30 does not exist on 29 March: the pass takes place at the change, 03:00 summer time.
    ['the hour left out', '30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', '2026-03-29T01:00:00Z'],
    ['summer time', '30 2 * * *', 'Europe/Berlin', '2026-03-29T12:00:00Z', '2026-03-30T00:30:00Z'],
    // 02:30 comes twice on 25 October: once is enough.
    ['the first of two', '30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', '2026-10-25T00:30:00Z'],
    ['not the second', '30 2 * * *', 'Europe/Berlin', '2026-10-25T00:30:00Z', '2026-10-26T01:30:00Z'],
    ['steps go on', '*/30 * * * *', 'Europe/Berlin', '2026-10-25T00:30:00Z', '2026-10-25T01:00:00Z'],
  ];
  for (const [what, pattern, timezone, after, match] of cases) {
    test(`${what}: ${pattern} after ${after}`, () => {
      assert.equal(clock.nextMatch({ pattern, timezone }, Date.parse(after)), Date.parse(match));
    });
  }

  test('without a zone, the zone of the host counts, through its changes', (t) => {
    const { TZ = '' } = process.env;
    t.after(() => (process.env['TZ'] = TZ));
    for (const [, pattern, timezone, after, match] of cases) {
      process.env['TZ'] = timezone;
      assert.equal(clock.nextMatch({ pattern }, Date.parse(after)), Date.parse(match), `${pattern} in ${timezone}`);
    }
  });

  test('undefined when there is none', () => {
    assert.equal(clock.nextMatch({ pattern: '0 0 30 2 *' }, Date.parse('2026-01-01T00:00:00Z')), undefined);
  });

  test('starts no timer', () => {
    const timers = countTimers();
    clock.nextMatch({ pattern: '* * * * *' }, Date.now());
    assert.equal(countTimers(), timers);
  });
});

describe('validatePattern', () => {
  const cases: readonly [pattern: string, timezone: string | undefined, reason: RegExp | undefined][] = [
    ['*/5 * * * *', undefined, undefined],
    ['0 3 * * MON-FRI', 'America/New_York', undefined],
    ['@hourly', undefined, undefined],
    ['61 * * * *', undefined, /^Invalid value for minute: 61$/],
    ['* * *', undefined, /^invalid configuration format/],
    ['', undefined, /^invalid configuration format/],
    ['0 0 30 2 *', undefined, /^it never matches$/],
    ['2031-01-01T00:00:00', undefined, /^a date is not a pattern$/],
    ['0 3 * * *', 'Mars/Olympus', /^unknown time zone "Mars\/Olympus"$/],
    ['0 3 * * *', '', /^unknown time zone ""$/],
  ];
  for (const [pattern, timezone, reason] of cases) {
    test(`${JSON.stringify(pattern)} ${timezone ?? ''}`, () => {
      const got = validatePattern(pattern, timezone);
      if (reason === undefined) assert.equal(got, undefined);
      else assert.match(got ?? '', reason);
    });
  }
});
