import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { assertCurrent } from '../faults/errors.ts';
import { tally } from '../faults/tally.ts';
import { openSite, reportOf } from '../support/agent.ts';
import { bind } from './bindfs.ts';

/** www-data of every Debian. */
const WEB = 33;

interface Case {
  readonly what: string;
  /** Of bindfs: what its files show, and what it does when that is to be changed. */
  readonly shows: readonly string[];
  readonly sink: object;
  /** What is said of a sink that is refused; else it is written, and stays as it is. */
  readonly refused?: RegExp;
}

const IGNORES = ['--chmod-ignore', '--chown-ignore'];
const DENIES = ['--chmod-deny', '--chown-deny'];
const all = (mode: string): string => `--perms=${mode}:ud+x:gd-w`;

const CASES: readonly Case[] = [
  { what: 'what is wanted', shows: [...IGNORES, all('0600')], sink: {} },
  { what: 'what is wanted, and denies all changes', shows: [...DENIES, all('0600')], sink: {} },
  {
    what: 'the owner and the mode that are wanted',
    shows: [...DENIES, all('0640'), `--create-for-user=${WEB}`, `--create-for-group=${WEB}`],
    sink: { owner: WEB, group: WEB, mode: '0640' },
  },
  {
    what: 'rights for all',
    shows: [...IGNORES, all('0644')],
    sink: {},
    refused: /SINK_OWNER_DENIED: .*file system that gives a file mode 600, owner 0:0, got mode 644, owner 0:0/,
  },
  {
    what: 'rights for all, where any mode is right that keeps them out',
    shows: [...IGNORES, all('0604')],
    sink: { mode: 'any' },
    refused: /SINK_OWNER_DENIED: .*a file mode any, owner 0:0, got mode 604/,
  },
  { what: 'rights for a group, where any mode is right', shows: [...IGNORES, all('0660')], sink: { mode: 'any' } },
  {
    what: 'rights for all at first, when anybody can open it',
    shows: ['--create-with-perms=0644'],
    sink: {},
    refused: /SINK_OWNER_DENIED: .*mode 600, owner 0:0, got mode 644/,
  },
  {
    what: 'fewer rights than wanted',
    shows: [...IGNORES, all('0600')],
    sink: { mode: '0640' },
    refused: /SINK_OWNER_DENIED: .*mode 640, owner 0:0, got mode 600/,
  },
  {
    what: 'another owner',
    shows: [...IGNORES, all('0600'), `--create-for-user=${WEB}`],
    sink: { mode: 'any' },
    refused: /SINK_OWNER_DENIED: .*owner 0:0, got mode 600, owner 33:0/,
  },
  {
    what: 'another owner, and denies all changes',
    shows: [...DENIES, all('0600'), `--create-for-user=${WEB}`],
    sink: {},
    refused: /got mode 600, owner 33:0|EPERM on fchown.* keeps no owners/,
  },
];

describe('a file system without modes', { concurrency: true }, () => {
  for (const [index, { what, shows, sink, refused }] of CASES.entries()) {
    test(`that gives ${what}`, async (t) => {
      const bound = await bind(t, shows);
      if (!bound) return;
      const { from, to } = bound;
      const site = await openSite(t);
      writeFileSync(join(from, 'kept.env'), 'OTHER=1\n', { mode: 0o600 });
      const config = site.configure({
        sinks: [
          { path: join(to, 'new.json'), format: 'json', ...sink },
          { path: join(to, 'kept.env'), format: 'dotenv', ...sink },
          { path: site.path('out/iam.json'), format: 'json' },
        ],
      });
      await tally(t, `file system without modes: ${what}`, async (attempt) => {
        for (let pass = 0; pass < 3; pass++) {
          await attempt(async () => {
            if (pass < 2) site.metadata.rotate();
            const ended = await site.run(['once', '--json', ...config]);
            const results = reportOf(ended).sinks.map(({ result, error }) =>
              error ? `${result} ${error.code}: ${error.message} (${error.hint ?? ''})` : result,
            );
            const usual = pass < 2 ? 'written' : 'unchanged';
            assert.equal(results.pop(), usual, String(index));
            assertCurrent(site, ['iam.json']);
            for (const result of results) {
              if (refused) assert.match(result, refused);
              else assert.equal(result, usual);
            }
            assert.deepEqual(readdirSync(from).sort(), refused ? ['kept.env'] : ['kept.env', 'new.json']);
            assert.match(readFileSync(join(from, 'kept.env'), 'utf8'), refused ? /^OTHER=1\n$/ : /^OTHER=1\n[^]+TOKEN/);
          });
        }
      });
    });
  }
});
