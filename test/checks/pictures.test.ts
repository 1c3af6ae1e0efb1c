import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pictures } from '../../scripts/pictures.ts';
import { box, picture, text } from '../../scripts/pictures/draw.ts';

const ROOT = join(import.meta.dirname, '../..');
const made = pictures();

describe('the pictures of docs/', () => {
  for (const [path, svg] of Object.entries(made)) {
    test(`${path} is what npm run pictures makes`, () => {
      assert.equal(readFileSync(join(ROOT, path), 'utf8'), svg);
    });
  }

  test('are all made so, and all shown', () => {
    assert.deepEqual(globSync('docs/*.svg', { cwd: ROOT }).sort(), Object.keys(made).sort());
    const pages = globSync(['README.md', 'docs/*.md'], { cwd: ROOT }).map((page) =>
      readFileSync(join(ROOT, page), 'utf8'),
    );
    for (const path of Object.keys(made)) {
      const name = path.replace('docs/', '');
      assert.ok(
        pages.some((page) => new RegExp(`!\\[[^\\]]+\\]\\((?:docs/)?${name}\\)`).test(page)),
        `expected a page to show ${path}`,
      );
    }
  });

  test('contain all that is drawn, and refuse what does not fit into its frame', () => {
    const far = text('far to the left', [-500, -300], { anchor: 'end' });
    const [, left = 0, top = 0] = /viewBox="(-?\d+) (-?\d+) /.exec(picture('', '', [far])) ?? [];
    assert.ok(Number(left) < -560 && Number(top) < -310, `${left} ${top}`);
    assert.throws(() => box({ at: [0, 0], width: 40, height: 20 }, 'root', ['much too long for it']), /expected "much/);
  });
});
