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

  test('are readable on light and on dark pages', () => {
    const [, style = ''] = /<style>(.*)<\/style>/.exec(made['docs/pass.svg'] ?? '') ?? [];
    const [light = '', dark = ''] = style.split('@media (prefers-color-scheme: dark){');
    for (const theme of [light, dark]) {
      const fills = new Map(
        [...theme.matchAll(/\.([\w-]+)\{fill:(#\w{6})/g)].map(([, name = '', fill = '']) => [name, fill]),
      );
      const of = (name: string): string => fills.get(name) ?? assert.fail(name);
      const tones = [...fills.keys()].filter((name) => fills.has(`${name}-solid`));
      assert.ok(tones.length > 4);
      for (const tone of tones) {
        assert.ok(contrast(of('ink'), of(tone)) >= 7, `ink in a box of ${tone}`);
        assert.ok(contrast(of(`${tone}-solid`), of('paper')) >= 4.5, tone);
      }
      assert.ok(contrast(of('soft'), of('paper')) >= 4.5);
    }
  });

  test('contain all that is drawn, and refuse what does not fit into its frame', () => {
    const far = text('far to the left', [-500, -300], { anchor: 'end' });
    const [, left = 0, top = 0] = /viewBox="(-?\d+) (-?\d+) /.exec(picture('', '', [far])) ?? [];
    assert.ok(Number(left) < -560 && Number(top) < -310, `${left} ${top}`);
    assert.throws(() => box({ at: [0, 0], width: 40, height: 20 }, 'root', ['much too long for it']), /expected "much/);
  });
});

/** As WCAG has it: from 1 to 21. */
function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5]
    .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
