import assert from 'node:assert/strict';
import { chownSync, existsSync, lstatSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { SinkConfig } from '../../src/core/config.ts';
import { displayKeyId } from '../../src/core/credentials.ts';
import { idOf } from '../../src/core/sink-id.ts';
import { applySinks, forgetSinks, previewForget, previewSinks } from '../../src/sinks/apply.ts';
import type { ApplyRequest, ApplyResult } from '../../src/sinks/contract.ts';
import { forgetSink, renderSink } from '../../src/sinks/formats/render.ts';
import { actingDeps, BOB, estateOf, skipsWithoutRoot } from '../support/acting.ts';
import { credentials } from '../support/credentials.ts';
import { applyRequest, letTimePass, sinkDeps } from '../support/sinks.ts';
import { tempDir } from '../support/temp-dir.ts';
import { awsSink, dotenvSink, jsonSink } from './formats/rendering.ts';

const deps = { ...sinkDeps({ render: renderSink }), forget: forgetSink };
const NEW = credentials('1');
const COMMENT = '# of others\n[other]\nregion = x\n';

/** Three sinks of one file of each format. */
const TRIPLES: Readonly<Record<string, (path: string) => readonly SinkConfig[]>> = {
  'aws-credentials': (path) => ['default', 'app', 'b'].map((profile) => ({ ...awsSink({ profile }), path })),
  dotenv: (path) =>
    ['', 'APP_', 'B_'].map((prefix) => {
      const names = {
        accessKeyId: `${prefix}AWS_ACCESS_KEY_ID`,
        secretAccessKey: `${prefix}AWS_SECRET_ACCESS_KEY`,
        sessionToken: `${prefix}AWS_SESSION_TOKEN`,
        expiration: null,
      };
      return { ...dotenvSink({ prefix, names }), path };
    }),
  json: (path) =>
    ['x', 'y', 'z'].map((at) => {
      const keys = { access_key_id: [at, 'id'], secret_access_key: [at, 'key'], session_token: [at, 'token'] };
      return { ...jsonSink({ keys }), path };
    }),
};

interface Passed extends ApplyResult {
  /** One for each write of a journal. */
  readonly calls: readonly { readonly temps: number; readonly changing: readonly string[] }[];
}

async function pass(
  sinks: readonly SinkConfig[],
  change: Partial<ApplyRequest> = {},
  change2: Partial<typeof deps> = {},
): Promise<Passed> {
  const calls: { temps: number; changing: readonly string[] }[] = [];
  const beforeWrite: ApplyRequest['beforeWrite'] = async (temps, changing) => {
    calls.push({ temps: temps.length, changing });
    await Promise.resolve();
  };
  const request = { ...applyRequest([], { beforeWrite, credentials: NEW, ...change }), sinks };
  return { ...(await applySinks({ ...deps, ...change2 }, request)), calls };
}

const results = ({ outcomes }: Pick<ApplyResult, 'outcomes'>): string[] => outcomes.map(({ result }) => result);

function fileIn(t: TestContext): string {
  return join(tempDir(t), 'shared');
}

describe('several sinks of one file', () => {
  for (const [format, triple] of Object.entries(TRIPLES)) {
    test(`${format}: are written at once, stand in the next pass, and go one by one`, async (t) => {
      const sinks = triple(fileIn(t));
      const [first, ...others] = sinks;
      assert.ok(first);
      const { path } = first;
      const written = await pass(sinks);
      assert.deepEqual(results(written), ['written', 'written', 'written']);
      assert.deepEqual(written.calls, [{ temps: 1, changing: sinks.map(idOf) }]);
      assert.deepEqual(Object.keys(written.records).sort(), sinks.map(idOf).sort());
      assert.equal(readFileSync(path, 'utf8').split(NEW.secretAccessKey.reveal()).length, 4);
      const blind = { render: () => assert.fail('rendered') };
      const again = await pass(sinks, { records: written.records, rotated: false }, blind);
      assert.deepEqual([results(again), again.calls], [['unchanged', 'unchanged', 'unchanged'], []]);

      const request = {
        trustedGroups: [],
        privateVolumes: [],
        temps: [],
        keyId: displayKeyId(NEW.accessKeyId),
        force: false,
      };
      const beforeWrite = (): Promise<void> => Promise.resolve();
      const forgotten = await forgetSinks(deps, { ...request, sinks: [first], beforeWrite });
      assert.deepEqual(results(forgotten), ['forgotten']);
      assert.deepEqual(results(await pass(others, { records: {}, rotated: false })), ['unchanged', 'unchanged']);
      const look = await previewForget(deps, { ...request, sinks: others });
      assert.deepEqual(results({ outcomes: look }), ['forgotten', 'removed']);
      assert.deepEqual(look[0]?.next, look[1]?.current);
      const gone = await forgetSinks(deps, { ...request, sinks: others, beforeWrite });
      assert.deepEqual([results(gone), existsSync(path)], [['forgotten', 'removed'], false]);
    });

    test(`${format}: one that is changed is repaired, and nothing else is said to be`, async (t) => {
      const sinks = triple(fileIn(t));
      const [one, two, three] = sinks;
      assert.ok(one && two && three);
      const { records } = await pass(sinks);
      const text = readFileSync(one.path, 'utf8');
      const at = text.indexOf(NEW.accessKeyId, text.indexOf(NEW.accessKeyId) + 1);
      letTimePass(one.path);
      writeFileSync(one.path, `${text.slice(0, at)}AKIAUSER000000000000${text.slice(at + NEW.accessKeyId.length)}`);
      const repaired = await pass(sinks, { records, rotated: false });
      assert.deepEqual(results(repaired), ['unchanged', 'repaired', 'unchanged']);
      assert.deepEqual(repaired.calls, [{ temps: 1, changing: [idOf(two)] }]);
      assert.deepEqual(
        repaired.outcomes.map(({ bytesChanged }) => bytesChanged),
        [false, true, false],
      );
      assert.equal(readFileSync(one.path, 'utf8'), text);
      const again = await pass(sinks, { records: repaired.records, rotated: false });
      assert.deepEqual([results(again), again.calls], [['unchanged', 'unchanged', 'unchanged'], []]);
    });
  }

  test('keep what is known of those whose bytes stay: when they changed, and that they were read', async (t) => {
    const [one, two] = TRIPLES['aws-credentials']?.(fileIn(t)) ?? [];
    assert.ok(one && two);
    const { records } = await pass([one]);
    const readAt = Math.floor(Date.now() / 1000) + 60;
    utimesSync(one.path, readAt, lstatSync(one.path).mtime);
    const ctimeNs = String(lstatSync(one.path, { bigint: true }).ctimeNs);
    const known = { [idOf(one)]: { ...(records[idOf(one)] ?? assert.fail()), renamedAt: 7, ctimeNs } };
    const joined = await pass([one, two], { records: known, rotated: false });
    assert.deepEqual(results(joined), ['unchanged', 'written']);
    assert.equal(joined.records[idOf(one)]?.renamedAt, 7);
    assert.notEqual(joined.records[idOf(two)]?.renamedAt, 7);
    const { outcomes } = await pass([one, two], { records: joined.records, rotated: false });
    assert.partialDeepStrictEqual(outcomes[0]?.evidence, { kind: 'read', readAt: readAt * 1000 });
    assert.equal(outcomes[1]?.evidence?.kind, 'unread');
  });

  test('do not stop each other when one is refused', async (t) => {
    const sinks = TRIPLES['aws-credentials']?.(fileIn(t)) ?? [];
    const [one] = sinks;
    assert.ok(one);
    const existing = `[app]\nrole_arn = arn:aws:iam::1:role/x\n\n${COMMENT}`;
    writeFileSync(one.path, existing, { mode: 0o600 });
    const { outcomes, calls, records } = await pass(sinks);
    assert.deepEqual(results({ outcomes }), ['written', 'refused', 'written']);
    assert.equal(outcomes[1]?.error?.code, 'SINK_FORMAT_REFUSED');
    assert.deepEqual(
      calls[0]?.changing,
      [sinks[0], sinks[2]].map((sink) => sink && idOf(sink)),
    );
    assert.equal(Object.keys(records).length, 2);
    assert.ok(readFileSync(one.path, 'utf8').startsWith(existing));
    const again = await pass(sinks, { records, rotated: false });
    assert.deepEqual([results(again), again.calls], [['unchanged', 'refused', 'unchanged'], []]);
  });

  test('of which some stand say so when the file cannot be written', async (t) => {
    const sinks = TRIPLES['aws-credentials']?.(fileIn(t)) ?? [];
    const { records } = await pass(sinks.slice(0, 2));
    const replace = (): Promise<never> => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }));
    const failed = await pass(sinks, { records, rotated: false }, { files: { replace } });
    assert.deepEqual(results(failed), ['unchanged', 'unchanged', 'failed']);
    assert.equal(failed.outcomes[2]?.error?.code, 'SINK_WRITE_FAILED');
    assert.equal(Object.keys(failed.records).length, 2);
  });

  test('are shown each with its own difference', async (t) => {
    const sinks = TRIPLES['dotenv']?.(fileIn(t)) ?? [];
    const [one] = sinks;
    assert.ok(one);
    writeFileSync(one.path, 'OTHER=1\n', { mode: 0o600 });
    const previews = await previewSinks(deps, { ...applyRequest([]), sinks });
    assert.equal(previews[0]?.current?.toString(), 'OTHER=1\n');
    assert.deepEqual(previews[0].next, previews[1]?.current);
    assert.match(previews[2]?.next?.toString() ?? '', /^OTHER=1\nAWS_(.|\n)*\nAPP_AWS_(.|\n)*\nB_AWS_/);
    assert.equal(readFileSync(one.path, 'utf8'), 'OTHER=1\n');
  });

  test('begin with the line that says who keeps the file, once', async (t) => {
    const path = fileIn(t);
    const sinks = ['a', 'b'].map((profile) => ({ ...awsSink({ profile, comment: true }), path }));
    await pass(sinks);
    assert.equal(readFileSync(path, 'utf8').split('# Kept by').length, 2);
  });

  test('on the path of a user are written and forgotten by one process of theirs', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { home } = estateOf(t, BOB);
    mkdirSync(join(home, 'made'));
    chownSync(join(home, 'made'), BOB, BOB);
    const acting = { ...actingDeps(), forget: forgetSink };
    for (const [format, triple] of Object.entries(TRIPLES)) {
      const sinks = triple(join(home, 'made', format));
      const written = await pass(sinks, {}, acting);
      assert.deepEqual(results(written), ['written', 'written', 'written']);
      assert.deepEqual(written.calls, [{ temps: 1, changing: sinks.map(idOf) }]);
      assert.deepEqual(Object.keys(written.records).sort(), sinks.map(idOf).sort());
      const again = await pass(sinks, { records: written.records, rotated: false }, acting);
      assert.deepEqual([results(again), again.calls], [['unchanged', 'unchanged', 'unchanged'], []]);
      const wish = {
        trustedGroups: [],
        privateVolumes: [],
        temps: [],
        keyId: displayKeyId(NEW.accessKeyId),
        force: false,
      };
      const beforeWrite = (): Promise<void> => Promise.resolve();
      const { outcomes } = await forgetSinks(acting, { ...wish, sinks, beforeWrite });
      assert.deepEqual(results({ outcomes }), ['forgotten', 'forgotten', 'removed']);
    }
  });
});
