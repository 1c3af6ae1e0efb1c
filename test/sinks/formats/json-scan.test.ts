import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AgentError } from '../../../src/core/errors.ts';
import { scanDocument, type ScannedObject } from '../../../src/sinks/formats/json/scan.ts';
import { runs } from '../../support/runs.ts';

const blank = fc.constantFrom('', ' ', '\n', '\t\r\n');
const token = fc.constantFrom(
  ...['{', '}', '[', ']', ',', ':', '"a"', '"\\u00e9\\n"', '"', '\\', 'true', 'null', 'nul', '-', '0', '01', '-1.5e+3'],
  ...['1.', '.5', '1e', '\u00a0', '\u0001', "'", '/', '"\\x"', '"\u0001"', '"\n"', '"\\u12"'],
);
/** Documents, and documents with a token too many, too few or out of place. */
const text = fc.oneof(
  fc
    .tuple(fc.json({ maxDepth: 4 }), fc.nat(60), fc.nat(2), fc.constantFrom('', '', ',', '"', '}', '\\', ' ', '0'))
    .map(([json, at, removed, added]) => json.slice(0, at) + added + json.slice(at + removed)),
  fc.array(fc.tuple(token, blank), { maxLength: 8 }).map((parts) => parts.flat().join('')),
  fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.stringify(value, null, 1)),
);

test('takes exactly the objects that JSON.parse takes, and trailing commas, and sees the same members', () => {
  let taken = 0;
  fc.assert(
    fc.property(text, (document) => {
      const expected = parseObject(document);
      const root = scan(document);
      assert.equal(root !== undefined, expected !== undefined, JSON.stringify(document));
      if (root === undefined || expected === undefined) return;
      taken++;
      const { members, close } = root;
      assert.equal(document[close], '}');
      const seen = members.map(({ key, start, end }): [string, unknown] => [
        key,
        JSON.parse(withoutTrailingCommas(document.slice(start, end))),
      ]);
      assert.deepEqual(Object.fromEntries(seen), expected);
    }),
    { numRuns: runs(1000) },
  );
  assert.ok(taken > 200, `only ${taken} documents were taken`);
});

function parseObject(document: string): object | undefined {
  try {
    const value: unknown = JSON.parse(withoutTrailingCommas(document));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function withoutTrailingCommas(document: string): string {
  const pattern = /"(?:\\.|[^"\\])*"|(?<=[^[{,:\s]\s*),(?=\s*[}\]])/g;
  return document.replaceAll(pattern, (found) => (found === ',' ? '' : found));
}

function scan(document: string): ScannedObject | undefined {
  try {
    return scanDocument(document);
  } catch (error) {
    assert.ok(error instanceof AgentError);
    return undefined;
  }
}
