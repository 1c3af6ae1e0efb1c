import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');

const PAGES = [
  '{README,ARCHITECTURE,CHANGELOG,CONTRIBUTING,SECURITY}.md',
  'docs/*.md',
  'etc/*.yaml',
  'packaging/*.json',
  'packaging/{deb,examples,packer,rpm,ssm,systemd,user-data}/*',
  'packaging/ansible/**/*.{md,yml}',
  'scripts/manual/*.ts',
];
const SOURCES = ['{src,test}/**/*.ts'];

/** Folders in which every sentence of a comment begins with its subject. */
const PLAIN = ['src/*.ts', 'src/!(simulator)/**/*.ts'];

/** Words that are gone, each with its replacement, and where it may not come back. Add to it what you rename. */
const GONE: readonly (readonly [word: RegExp, instead: string, files: readonly string[]])[] = [
  [/[Ww]ho hangs must not keep us/, 'A hanging consumer must not delay shutdown', SOURCES],
  [/of which nobody knows leaves it open/, 'undefined if any is unknown', SOURCES],
  [/Waiting longer for credentials would change nothing/, 'True if `--wait` may stop', SOURCES],
  [/When bytes that stay last changed/, 'Time of the last byte change', SOURCES],
  [/what we ourselves take long for/, 'Only time spent waiting is charged', SOURCES],
  [/One that need not be asked for again/, 'Cached instance identity', SOURCES],
  [/moment at which it left inactivity/, 'Compare with InactiveExitTimestamp', SOURCES],
  [/half of the news/, 'notified while one of its sinks is still old', SOURCES],
  [/outlived? the next pass/, 'was repaired by the next pass', PAGES],
  [/ends as a pass would that/, 'returns the exit code that a pass would return now', PAGES],
  [/is told when they run out/, 'is restarted before they expire', PAGES],
  [/in which nothing else is is/, 'with no other content', PAGES],
  [/closes in the unit all that/, 'generates a systemd drop-in that removes every permission', PAGES],
  [/anything else that it forwards for/, 'all forwarded traffic', PAGES],
  [/takes? back what it had begun|enable the one that is meant/, 'disable both, then enable the one you want', PAGES],
  [/is owed rotation/, 'notification of rotation … pending', [...PAGES, ...SOURCES]],
  [/reads show from the next pass on/, 'read detection starts with the next pass', [...PAGES, ...SOURCES]],
  [/the owner's, and it may not/, 'Group with read access', SOURCES],
  [/\btell: (?:changed|expiring)/, 'when:', [...PAGES, ...SOURCES]],
  [/--tell\b/, '--notify', [...PAGES, ...SOURCES]],
  [/\b(?:owes|owed|debts?)\b/, 'pending', PAGES],
  [
    /\b(?:when|where|before|until|while) (?:the files?|they|(?:every|all|its) (?:file|sink)s?) stands?\b/,
    'is written',
    PAGES,
  ],
  [/talks? nonsense|got nonsense/, 'malformed answers', [...PAGES, ...SOURCES]],
  [/\banew\b/, 'again, or with a new …', [...PAGES, ...SOURCES]],
  [/\b[Ss]tandings?\b(?!-in)/, 'existing, or current', ['src/**/*.ts']],
  [/\b(?:isS|S|s)ettled?\b/, 'finished', ['src/{agent,rotation,sinks}/**/*.ts']],
  [/\b(?:Write|Forget)?Wish\b/, 'options', ['src/**/*.ts']],
  [/(?:every|any)body (?:is|was) told/, 'every consumer is notified', [...PAGES, ...SOURCES]],
  [/\b(?:owes|owed|debts?)\b/, 'pending', SOURCES],
  [/(?:\/\*\*|\/\/|\.) (?:Who|Whoever|Such|What|Whatever) /, 'a subject', PLAIN],
  [/\b(?:un)?told\b(?! from)/, 'notified; or name the thing that was said', PLAIN],
  [/\bwish(?:es)?\b/, 'request, or options', PLAIN],
  [/\b(?:files?|sinks?|keys?|sections?|what|which|that|it) stands?\b(?! for)/, 'is there, is written', PLAIN],
  [
    /\/root\/\.aws\/credentials/,
    '/etc/myapp/credentials: doctor warns of the profile that every tool of root reads',
    ['README.md'],
  ],
];

/** Runs of blanks, line breaks and signs of comments are one blank: a phrase may be folded. */
function prose(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8').replaceAll(/\s+(?:(?:\/\/|\*|#) )?/g, ' ');
}

describe('words that are gone do not come back', () => {
  for (const [word, instead, patterns] of GONE) {
    test(`${word.source}: ${instead}`, () => {
      const files = globSync([...patterns], { cwd: ROOT, exclude: ['test/checks/words.test.ts'] });
      assert.ok(files.length > 0);
      assert.deepEqual(
        files.filter((file) => word.test(prose(file))),
        [],
      );
    });
  }
});
