import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Fault } from '../../src/simulator/faults.ts';
import { checkFault, parseFault } from '../../src/simulator/parse-fault.ts';

describe('a fault on the command line', () => {
  const good: readonly [text: string, fault: Fault][] = [
    ['token=hang', { at: 'token', kind: 'hang' }],
    ['credentials=status:503,times=2', { at: 'credentials', kind: 'status', value: 503, times: 2 }],
    ['role=many-roles,probability=0.25', { at: 'role', kind: 'many-roles', probability: 0.25 }],
    ['any=throttle,probability=1,times=3', { at: 'any', kind: 'throttle', probability: 1, times: 3 }],
    ['credentials=skew:-90000', { at: 'credentials', kind: 'skew', value: -90_000 }],
  ];
  for (const [text, fault] of good) {
    test(text, () => {
      assert.deepEqual(parseFault(text), fault);
    });
  }

  const bad: readonly [text: string, message: RegExp][] = [
    ['', /expected AT=KIND, got ""$/],
    ['credentials', /expected AT=KIND, got "credentials"$/],
    ['user-data=hang', /at: expected one of token, role, credentials, any, got "user-data"$/],
    ['role=burn', /kind: expected one of status, throttle, .*, got "burn"$/],
    ['role=toString', /kind: expected one of .*, got "toString"$/],
    ['role=', /kind: expected one of .*, got ""$/],
    ['role=hang:5', /value: expected nothing with hang, got 5$/],
    ['role=status:abc', /value: expected an HTTP status, 200 to 599, got "abc"$/],
    ['role=status:', /value: expected an HTTP status, 200 to 599, got ""$/],
    ['role=status:99', /value: expected an HTTP status, 200 to 599, got 99$/],
    ['role=hang,times=0', /times: expected a whole number from 1, got 0$/],
    ['role=hang,times=1.5', /times: expected a whole number from 1, got 1.5$/],
    ['role=hang,times', /times: expected a whole number from 1, got ""$/],
    ['role=hang,probability=2', /probability: expected a number from 0 to 1, got 2$/],
    ['role=hang,sometimes=2', /setting: expected times=N or probability=P, got "sometimes=2"$/],
  ];
  for (const [text, message] of bad) {
    test(`not ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseFault(text), { code: 'USAGE', message, hint: /AT=KIND/ });
    });
  }
});

describe('a fault in JSON', () => {
  const bad: readonly [input: unknown, message: RegExp][] = [
    [null, /expected an object, got null$/],
    ['token=hang', /expected an object, got "token=hang"$/],
    [{ kind: 'hang' }, /at: .*got nothing$/],
    [{ at: 'any', kind: 'hang', count: 1 }, /keys: expected at, kind, value, times, probability, got "count"$/],
    [{ at: 'any', kind: 'status', value: '503' }, /value: .*got "503"$/],
  ];
  for (const [input, message] of bad) {
    test(`not ${JSON.stringify(input)}`, () => {
      assert.throws(() => checkFault(input), { code: 'USAGE', message });
    });
  }
});
