import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AgentError } from '../../src/core/errors.ts';
import { encodeRole, parseRoleList } from '../../src/source/imds/role.ts';

describe('the role of a list', () => {
  for (const [list, role] of [
    ['web', 'web'],
    ['web\n', 'web'],
    ['\r\n web \r\n', 'web'],
    ['web\nother\n', 'web'],
    ['a.B_c+d=e,f@g-1', 'a.B_c+d=e,f@g-1'],
  ] as const) {
    test(JSON.stringify(list), () => {
      assert.equal(parseRoleList(Buffer.from(list)), role);
    });
  }
});

describe('no role in a list', () => {
  for (const [list, got] of [
    ['', 'nothing'],
    [' \n\n', 'nothing'],
    ['<html><body>Welcome', 'an HTML page'],
    ['path/web', 'something else'],
    ['path\\web', 'something else'],
    ['.', 'something else'],
    ['..', 'something else'],
    ['two words', 'something else'],
    ['web\u001b[2J', 'something else'],
    ['w\u00e9b', 'something else'],
    ['x'.repeat(129), 'something else'],
  ] as const) {
    test(JSON.stringify(list), () => {
      assert.throws(
        () => parseRoleList(Buffer.from(list)),
        (error) => {
          assert(error instanceof AgentError);
          assert.equal(error.code, 'IMDS_MALFORMED');
          assert.equal(error.message, `role list: expected the name of a role, got ${got}`);
          return true;
        },
      );
    });
  }
});

describe('as a segment of a path', () => {
  for (const [role, segment] of [
    ['a.B_c+d=e,f@g-1', 'a.B_c+d=e,f@g-1'],
    ['100%?#', '100%25%3F%23'],
    ['%2F..', '%252F..'],
    ["it's", "it's"],
  ] as const) {
    test(role, () => {
      assert.equal(encodeRole(role), segment);
    });
  }
});
