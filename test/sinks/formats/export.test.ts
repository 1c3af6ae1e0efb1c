import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { assert as always, property, string } from 'fast-check';
import { Secret } from '../../../src/core/secret.ts';
import { exportText } from '../../../src/sinks/formats/export.ts';
import { runs } from '../../support/runs.ts';

/** The worst that a source may give as a token: anything visible, quotes and dollars included. */
const visible = string({ minLength: 1, unit: 'grapheme-ascii' }).map((text) => `'\\$(${text.replaceAll(' ', '"')}`);

function lines(format: 'env' | 'fish', value: string): string {
  const credentials = { accessKeyId: value, secretAccessKey: new Secret(value), sessionToken: new Secret(value) };
  return exportText(format, { ...credentials, expiration: 0 }, {});
}

describe('what a shell evaluates', () => {
  for (const [shell, format] of [
    ['/bin/sh', 'env'],
    ['fish', 'fish'],
  ] as const) {
    test(`${shell} takes any value as it is`, (t) => {
      if (spawnSync(shell, ['-c', 'true']).status !== 0) {
        t.skip(`needs ${shell}`);
        return;
      }
      always(
        property(visible, (value) => {
          const script = `${lines(format, value)}printf %s "$AWS_SESSION_TOKEN"`;
          assert.equal(spawnSync(shell, ['-c', script], { encoding: 'utf8' }).stdout, value);
        }),
        { numRuns: runs(40) },
      );
    });
  }
});
