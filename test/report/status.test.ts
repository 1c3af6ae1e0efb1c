import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { coloured, plain } from '../../src/report/text.ts';
import { printStatus } from '../../src/report/print-status.ts';
import { NOON } from '../support/credentials.ts';
import { reportStatus } from '../../src/report/report.ts';
import type { Status } from '../../src/report/schema.ts';
import { factsOf, sinkOf, statusOf } from './status-parts.ts';
import { STATUSES } from './statuses.ts';

/** With CREDROTATE_GOLDEN=write the pictures are made again, to be looked at. */
const isWriting = process.env['CREDROTATE_GOLDEN'] === 'write';
const look = { now: NOON, width: 80 };

function shown(status: Status, paint = plain): string {
  return printStatus(
    { ...reportStatus('status', factsOf(status), NOON), whose: undefined, outputs: {} },
    { ...look, paint },
  );
}

describe('a status on a screen of 80 columns', () => {
  for (const [name, status] of Object.entries(STATUSES)) {
    test(name, () => {
      const screen = shown(status);
      const path = join(import.meta.dirname, 'golden', `${name}.txt`);
      if (isWriting) writeFileSync(path, screen);
      assert.equal(screen, readFileSync(path, 'utf8'));
      // A word that is longer than a line, such as a path, is not broken: it could not be copied.
      const long = screen.split('\n').filter((line) => line.length > 80 && line.trim().includes(' ', 12));
      assert.deepEqual(long, []);
    });
  }

  test('has the same words in colour', () => {
    for (const status of Object.values(STATUSES)) {
      const screen = shown(status, coloured);
      assert.match(screen, /\u001b\[3[123]m/);
      assert.equal(stripVTControlCharacters(screen), shown(status));
    }
  });

  test('is steered by nobody', () => {
    const hostile = '\u001b[2J\nok        /fine\u202e';
    const error = { code: 'SINK_UNREADABLE', message: hostile, hint: hostile } as const;
    const status = statusOf({
      sinks: [sinkOf(`/home/eve/${hostile}`, { result: 'failed', error, warnings: [hostile] })],
    });
    const screen = shown(status);
    assert.doesNotMatch(screen, /[\u001b\u202e]|^ok/m);
    assert.match(screen, /\\u\{1b\}\[2J\\nok/);
  });
});
