import assert from 'node:assert/strict';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import corpus from '../corpus/commands/corpus.json' with { type: 'json' };
import { openSite } from '../support/agent.ts';

/** What people reported of commands, by the row of the list that it came from: a file before, a command, what follows. */
interface Case {
  readonly row: string;
  readonly title: string;
  readonly file: { readonly name: string; readonly mode: number; readonly text: string };
  /** Left out where the command names them. */
  readonly sinks?: readonly { readonly path: string }[];
  readonly command: readonly string[];
  readonly code?: number;
  readonly says?: readonly string[];
  readonly saysNot?: readonly string[];
  readonly after?: { readonly mode: number; readonly text?: string; readonly has?: readonly string[] };
}

describe('reported commands', { concurrency: 2 }, () => {
  for (const { row, title, file, sinks, command, code, says = [], saysNot = [], after } of corpus as readonly Case[]) {
    test(`${row}: ${title}`, async (t) => {
      const site = await openSite(t);
      const path = site.path(file.name);
      writeFileSync(path, file.text);
      chmodSync(path, file.mode);
      const option = sinks
        ? site.configure({ sinks: sinks.map((sink) => ({ ...sink, path: site.path(sink.path) })) })
        : [];
      const args = command.map((word) => (word === file.name ? path : word));
      const { code: got, stdout, stderr } = await site.run([...args, ...option]);
      const said = stdout + stderr;
      if (code !== undefined) assert.equal(got, code, said);
      const flat = said.replace(/\s+/g, ' ');
      for (const words of says) assert.ok(flat.includes(words), `${words}: ${said}`);
      for (const words of saysNot) assert.ok(!flat.includes(words), `${words}: ${said}`);
      if (!after) return;
      assert.equal(statSync(path).mode & 0o777, after.mode);
      const text = readFileSync(path, 'utf8');
      if (after.text !== undefined) assert.equal(text, after.text);
      for (const part of after.has ?? []) assert.ok(text.includes(part), text);
    });
  }
});
