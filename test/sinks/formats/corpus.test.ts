import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { renderSink } from '../../../src/sinks/formats/render.ts';
import aws from '../../corpus/aws-credentials/reported.json' with { type: 'json' };
import dotenv from '../../corpus/dotenv/corpus.json' with { type: 'json' };
import json from '../../corpus/json/corpus.json' with { type: 'json' };
import { dotenvPackage, jsonParse, node, sdk, typescript } from '../../differential/node-readers.ts';
import { dotenv as dotenvFiles, ini, json as jsonFiles } from '../../differential/subjects.ts';
import { differences, type Reader, type Subject } from '../../differential/differential.ts';
import { fresh } from './rendering.ts';

/** Files that were reported: what becomes of each, byte by byte, or why it is refused, and what readers see. */
interface Case {
  readonly row: string;
  readonly title: string;
  readonly before: string;
  readonly after?: string;
  readonly refused?: string;
  /** A part of each warning. */
  readonly warnings?: readonly string[];
  /** Readers that it is known to differ for, with the reason. */
  readonly except?: Readonly<Record<string, string>>;
}

type Files = Omit<Subject, 'readers'>;

function tryCases(format: string, cases: readonly Case[], files: Files, readers: readonly Reader[]): void {
  describe(`${format}, as reported`, () => {
    for (const { row, title, before, after, refused, warnings = [], except = {} } of cases) {
      test(`${row}: ${title}`, async () => {
        const made = renderSink(Buffer.from(before), fresh, files.sink, {});
        if (!made.ok) {
          assert.equal(made.error.message, refused);
          return;
        }
        assert.equal(made.bytes.toString(), after);
        assert.deepEqual(made.warnings, warnings);
        const again = renderSink(made.bytes, fresh, files.sink, {});
        assert.ok(again.ok && again.bytes.equals(made.bytes), 'a second pass changes what was written');
        for (const { name, read } of readers) {
          if (name in except) continue;
          const [was, is] = await read([before, made.bytes.toString()]);
          if (was === undefined && is === undefined) continue;
          assert.deepEqual(differences(files, before, was, is), [], name);
        }
      });
    }
  });
}

tryCases('aws-credentials', aws, ini, [sdk]);
tryCases('dotenv', dotenv, dotenvFiles, [dotenvPackage, node]);
tryCases('json', json, jsonFiles, [jsonParse, typescript]);
