import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { SinkConfig } from '../../src/core/config.ts';
import { displayKeyId } from '../../src/core/credentials.ts';
import type { SinkOutcome } from '../../src/core/outcomes.ts';
import { idOf } from '../../src/core/sink-id.ts';
import { applySinks, forgetSinks, previewForget } from '../../src/sinks/apply.ts';
import type { ForgetRequest, TempFile } from '../../src/sinks/contract.ts';
import { forgetSink, renderSink } from '../../src/sinks/formats/render.ts';
import { credentials } from '../support/credentials.ts';
import { applyRequest, sinkDeps } from '../support/sinks.ts';
import { tempDir } from '../support/temp-dir.ts';
import { awsSink, dotenvSink, jsonSink } from './formats/rendering.ts';

const isRoot = process.getuid?.() === 0;
const current = credentials('1');
const deps = { ...sinkDeps({ render: renderSink }), forget: forgetSink };
const OTHER = '[other]\nregion = x\n';

/** A sink that was written, beside what others have in the file. */
async function written(t: TestContext, sink: SinkConfig, existing?: string): Promise<SinkConfig> {
  const placed = { ...sink, path: join(tempDir(t), 'sink') };
  if (existing !== undefined) writeFileSync(placed.path, existing, { mode: 0o600 });
  const { outcomes } = await applySinks(deps, {
    ...applyRequest([]),
    sinks: [placed],
    credentials: current,
    origin: {},
  });
  assert.equal(outcomes[0]?.result, 'written');
  return placed;
}

function request(sink: SinkConfig, change: Partial<ForgetRequest> = {}): ForgetRequest {
  return {
    sinks: [sink],
    trustedGroups: [],
    privateVolumes: [],
    temps: [],
    keyId: displayKeyId(current.accessKeyId),
    force: false,
    beforeWrite: () => Promise.resolve(),
    ...change,
  };
}

async function forget(sink: SinkConfig, change: Partial<ForgetRequest> = {}): Promise<SinkOutcome> {
  const { outcomes, temps } = await forgetSinks(deps, request(sink, change));
  assert.deepEqual(temps, []);
  return outcomes[0] ?? assert.fail('no outcome');
}

describe('forgetting a sink', () => {
  test('replaces its file atomically, with the mode and owner that it has', async (t) => {
    const sink = await written(t, awsSink(), OTHER);
    chmodSync(sink.path, 0o640);
    if (isRoot) chownSync(sink.path, 65_534, 65_533);
    const before = lstatSync(sink.path);
    const journal: TempFile[] = [];
    const beforeWrite: ForgetRequest['beforeWrite'] = (temps, changing) => {
      journal.push(...temps);
      assert.deepEqual(changing, [idOf(sink)]);
      assert.deepEqual(
        temps.map(({ path }) => lstatSync(path).size),
        [0],
      );
      return Promise.resolve();
    };
    const outcome = await forget(sink, { beforeWrite });
    assert.partialDeepStrictEqual(outcome, { result: 'forgotten', bytesChanged: true, warnings: [] });
    const after = lstatSync(sink.path);
    assert.deepEqual([after.mode, after.uid, after.gid], [before.mode, before.uid, before.gid]);
    assert.deepEqual(
      journal.map(({ inode }) => inode),
      [String(after.ino)],
    );
    assert.notEqual(after.ino, before.ino);
    assert.equal(readFileSync(sink.path, 'utf8'), OTHER);
    assert.deepEqual(readdirSync(join(sink.path, '..')), ['sink']);
    assert.partialDeepStrictEqual(await forget(sink), { result: 'unchanged', bytesChanged: false });
  });

  test('removes a file in which nothing else is', async (t) => {
    for (const made of [awsSink(), dotenvSink({ only: true }), jsonSink({ shape: 'imds' })]) {
      const sink = await written(t, made);
      assert.equal((await forget(sink)).result, 'removed');
      assert.deepEqual(readdirSync(join(sink.path, '..')), []);
      assert.equal((await forget(sink)).result, 'unchanged');
    }
  });

  test('finds nothing to do without its directory', async (t) => {
    const outcome = await forget({ ...awsSink(), path: join(tempDir(t), 'none/sink') });
    assert.deepEqual([outcome.result, outcome.error], ['unchanged', undefined]);
  });

  test('leaves other credentials than those written last alone, unless it is forced', async (t) => {
    const sink = await written(t, awsSink());
    const [own, other] = ['AKIAEXAMPLEUSER0001', 'ASIAEXAMPLEUSER0002'].map(
      (id) => `[default]\naws_access_key_id = ${id}\n`,
    );
    assert.ok(own !== undefined && other !== undefined);
    writeFileSync(sink.path, other);
    assert.match((await forget(sink)).error?.message ?? '', /expected the key …0001 that we wrote last, got …0002$/);
    writeFileSync(sink.path, own + other);
    const { result, error } = await forget(sink);
    assert.equal(result, 'refused');
    assert.deepEqual(error, {
      code: 'SINK_NOT_OURS',
      message: `${sink.path}: expected the key …0001 that we wrote last, got a long-term key, …0001 and …0002`,
      hint: 'remove it by hand, or with --force if it may go',
    });
    assert.equal(readFileSync(sink.path, 'utf8'), own + other);
    assert.equal((await forget(sink, { force: true })).result, 'removed');
  });

  test('leaves all alone when nothing was ever written', async (t) => {
    const sink = await written(t, jsonSink({ shape: 'imds' }));
    const { error } = await forget(sink, { keyId: undefined });
    assert.match(error?.message ?? '', /expected a key that we wrote, got …0001$/);
    writeFileSync(sink.path, '{"mine": 1}');
    assert.match((await forget(sink)).error?.message ?? '', /got none$/);
  });

  test('does not replace or remove a file that changes meanwhile', async (t) => {
    for (const existing of [OTHER, undefined]) {
      const sink = await written(t, awsSink(), existing);
      const late = {
        ...deps,
        forget: (bytes: Buffer, one: SinkConfig) => {
          appendFileSync(sink.path, '[late]\n');
          return forgetSink(bytes, one);
        },
      };
      const { outcomes } = await forgetSinks(late, request(sink));
      assert.partialDeepStrictEqual(outcomes, [{ result: 'failed', error: { code: 'SINK_CONFLICT' } }]);
      assert.match(readFileSync(sink.path, 'utf8'), /aws_session_token(.|\n)*\[late\]\n$/);
    }
  });

  test('refuses what is no file of its own, and a directory that others can write', async (t) => {
    const sink = await written(t, awsSink());
    chmodSync(join(sink.path, '..'), 0o777);
    assert.equal((await forget(sink)).error?.code, 'SINK_UNSAFE_PATH');
    chmodSync(join(sink.path, '..'), 0o700);
    rmSync(sink.path);
    symlinkSync('/etc/hostname', sink.path);
    assert.equal((await forget(sink)).error?.code, 'SINK_NOT_REGULAR');
    rmSync(sink.path);
    mkdirSync(sink.path);
    assert.equal((await forget(sink)).error?.code, 'SINK_NOT_REGULAR');
  });

  test('says that other names of the file keep the credentials', async (t) => {
    const sink = await written(t, awsSink(), OTHER);
    linkSync(sink.path, `${sink.path}.link`);
    assert.match((await forget(sink)).warnings.join(), /hard links/);
  });

  test('gives the group of a file no more than its ACL did', async (t) => {
    const sink = await written(t, awsSink(), OTHER);
    // The group's bits, which are the ACL's mask then.
    chmodSync(sink.path, 0o640);
    const security = { ...deps.security, hasAcl: (fd: number) => fstatSync(fd).isFile(), dropAcl: () => undefined };
    const { outcomes } = await forgetSinks({ ...deps, security }, request(sink));
    assert.match(outcomes[0]?.warnings.join() ?? '', /ACL/);
    assert.equal(lstatSync(sink.path).mode & 0o777, 0o600);
  });

  test('removes what a killed one has left', async (t) => {
    const sink = await written(t, awsSink());
    const path = `${sink.path}.123`;
    writeFileSync(path, 'secret');
    await forget(sink, { temps: [{ path, inode: String(lstatSync(path, { bigint: true }).ino) }] });
    assert.deepEqual(readdirSync(join(sink.path, '..')), []);
  });

  test('can be seen before', async (t) => {
    const sink = await written(t, awsSink(), OTHER);
    const before = lstatSync(sink.path, { bigint: true });
    const [preview] = await previewForget(deps, request(sink));
    assert.partialDeepStrictEqual(preview, { result: 'forgotten', next: Buffer.from(OTHER) });
    assert.deepEqual(lstatSync(sink.path, { bigint: true }), before);
  });
});
