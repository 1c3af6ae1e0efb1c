import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { documents } from '../../scripts/package/contents.ts';
import { bytesOf } from '../../scripts/package/stage.ts';
import { CODES, ERROR_CODES } from '../../src/explain/explain.ts';
import { PAGES, pageOf, README, readPage, ROOT, type Page } from '../support/pages.ts';

/** Families of error codes; what else begins like one. */
const LIKE_A_CODE = /\b(?:AGENT|CONFIG|CONSUMER|CREDENTIALS|IMDS|LOCKDOWN|SINK|STATE)_[A-Z_]+\b/g;
const NO_CODES = new Set(['STATE_DIRECTORY']);

/** The pages of docs/, and those beside it. */
const ALL: readonly Page[] = [
  ...PAGES,
  README,
  ...['ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'].map((name) =>
    readPage(`../${name}`, readFileSync(join(ROOT, name), 'utf8')),
  ),
];

function linksOf({ prose }: Pick<Page, 'prose'>): readonly string[] {
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** Undefined for a link that leads somewhere. */
function brokenLink(page: Page, link: string): string | undefined {
  const [file = '', anchor] = link.split('#');
  const name = file === '' ? page.name : relative(join(ROOT, 'docs'), join(ROOT, 'docs', dirname(page.name), file));
  if (!existsSync(join(ROOT, 'docs', name))) return `${page.name}: no file ${link}`;
  const target = ALL.find((one) => one.name === name);
  if (anchor === undefined || target === undefined) return undefined;
  return target.anchors.includes(anchor) ? undefined : `${page.name}: no heading ${link}`;
}

describe('the pages', () => {
  test('lead to pages and headings that are there', () => {
    const links = ALL.flatMap((page) => linksOf(page).map((link) => brokenLink(page, link)));
    assert.ok(links.length > 60);
    assert.deepEqual(
      links.filter((problem) => problem !== undefined),
      [],
    );
  });

  test('lead to files that the packages install, once they are installed', () => {
    const files = documents();
    const paths = new Set(files.map(({ path }) => path));
    const pages = files.filter(({ path }) => path.endsWith('.md'));
    assert.ok(pages.length > 20);
    const links = pages.flatMap(({ path, content = '' }) =>
      linksOf({ prose: Buffer.from(bytesOf(content)).toString() }).map((link) => ({
        path,
        link,
        leadsTo: join(dirname(path), link.replace(/#.*/, '')),
      })),
    );
    assert.ok(links.length > 60);
    assert.deepEqual(
      links.filter(({ link, leadsTo }) => !link.startsWith('#') && !paths.has(leadsTo)),
      [],
    );
  });

  test('are all in the index, once', () => {
    const listed = linksOf(pageOf('README.md')).filter((link) => /^[\w-]+\.md$/.test(link));
    const others = PAGES.map(({ name }) => name).filter((name) => name !== 'README.md');
    assert.deepEqual([...listed].sort(), others);
  });

  test('name error codes that there are', () => {
    const named = PAGES.flatMap(({ name, text }) => [...text.matchAll(LIKE_A_CODE)].map(([code]) => ({ name, code })));
    const known = new Set<string>(ERROR_CODES);
    assert.ok(named.length > 60);
    assert.deepEqual(
      named.filter(({ code }) => !known.has(code) && !NO_CODES.has(code)),
      [],
    );
  });

  test('help with every exit code', () => {
    const { prose } = pageOf('troubleshooting.md');
    const rows = [...prose.matchAll(/^\| (\d+) +\|/gm)].map(([, code]) => code);
    assert.deepEqual(
      rows,
      CODES.filter((code) => /^\d+$/.test(code)),
    );
  });
});
