import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LineBuffer } from '../../src/system/lines.ts';

describe('lines', () => {
  test('come out whole, however their bytes come in', () => {
    const cuts = fc.array(fc.nat(60), { maxLength: 20 });
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }).filter((line) => !line.includes('\n'))),
        cuts,
        (lines, at) => {
          const buffer = new LineBuffer(Infinity);
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const places = [0, ...at.map((place) => Math.min(place, bytes.length)).sort((a, b) => a - b), bytes.length];
          for (const [index, place] of places.entries())
            assert.ok(buffer.add(bytes.subarray(place, places[index + 1])));
          assert.deepEqual(
            lines.map(() => buffer.next()),
            lines,
          );
          assert.equal(buffer.next(), undefined);
        },
      ),
    );
  });

  test('end when there are too many bytes, in whatever pieces', () => {
    const buffer = new LineBuffer(100_000);
    for (let count = 0; count < 100_000; count++) assert.ok(buffer.add(Buffer.from('x')));
    assert.equal(buffer.add(Buffer.from('\n')), false);
    assert.equal(buffer.next(), undefined);
  });
});
