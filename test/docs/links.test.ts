import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { CODES, ERROR_CODES } from '../../src/explain/explain.ts';
import { PAGES, pageOf, ROOT, type Page } from './pages.ts';

/** Families of error codes; what else begins like one. */
const LIKE_A_CODE = /\b(?:AGENT|CONFIG|CONSUMER|CREDENTIALS|IMDS|LOCKDOWN|SINK|STATE)_[A-Z_]+\b/g;
const NO_CODES = new Set(['STATE_DIRECTORY']);

function linksOf({ prose }: Page): readonly string[] {
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
}

/** Undefined for a link that leads somewhere, and for one that leaves the repository. */
function brokenLink(page: Page, link: string): string | undefined {
  if (/^https?:/.test(link)) return undefined;
  const [file = '', anchor] = link.split('#');
  if (!existsSync(join(ROOT, 'docs', file))) return `${page.name}: no file ${link}`;
  const target = file === '' ? page : PAGES.find(({ name }) => name === file);
  if (anchor === undefined || target === undefined) return undefined;
  return target.anchors.includes(anchor) ? undefined : `${page.name}: no heading ${link}`;
}

describe('the pages', () => {
  test('lead to pages and headings that are there', () => {
    const links = PAGES.flatMap((page) => linksOf(page).map((link) => brokenLink(page, link)));
    assert.ok(links.length > 60);
    assert.deepEqual(
      links.filter((problem) => problem !== undefined),
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
