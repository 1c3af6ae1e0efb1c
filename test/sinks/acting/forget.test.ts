import assert from 'node:assert/strict';
import {
  chownSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { SinkConfig } from '../../../src/core/config.ts';
import { displayKeyId } from '../../../src/core/credentials.ts';
import { idOf } from '../../../src/core/sink-id.ts';
import { applySinks, forgetSinks, previewForget } from '../../../src/sinks/apply.ts';
import type { ForgetRequest, TempFile } from '../../../src/sinks/contract.ts';
import { forgetSink } from '../../../src/sinks/formats/render.ts';
import { actingDeps, actorsOf, ALICE, BOB, estateOf, skipsWithoutRoot, type Estate } from '../../support/acting.ts';
import { credentials } from '../../support/credentials.ts';
import { applyRequest } from '../../support/sinks.ts';
import { awsSink, jsonSink } from '../formats/rendering.ts';

const OTHER = '[other]\nregion = x\n';
const current = credentials('1');
const deps = { ...actingDeps(), forget: forgetSink };

function request(sinks: readonly SinkConfig[], change: Partial<ForgetRequest> = {}): ForgetRequest {
  const beforeWrite = (): Promise<void> => Promise.resolve();
  const keyId = displayKeyId(current.accessKeyId);
  return { sinks, keyId, trustedGroups: [], privateVolumes: [], temps: [], force: false, beforeWrite, ...change };
}

function own(uid: number, path: string, text: string): string {
  writeFileSync(path, text, { mode: 0o600 });
  chownSync(path, uid, uid);
  return path;
}

interface Scene extends Estate {
  /** One in a file of others, and one that is all ours. */
  readonly sinks: readonly [SinkConfig, SinkConfig];
}

/** A user's two sinks, written. */
async function written(t: TestContext, uid: number): Promise<Scene> {
  const estate = estateOf(t, uid);
  const credentialsFile = own(uid, join(estate.home, 'credentials'), OTHER);
  const sinks = [
    { ...awsSink(), path: credentialsFile },
    { ...jsonSink({ shape: 'imds' }), path: join(estate.home, 'made/iam.json') },
  ] as const;
  const { outcomes } = await applySinks(deps, { ...applyRequest([]), sinks, credentials: current });
  assert.deepEqual(
    outcomes.map(({ result }) => result),
    ['written', 'written'],
  );
  return { ...estate, sinks };
}

describe('forgetting on the path of a user', () => {
  test('is done by one process of each user, which journals what it makes and minds no configured owner', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const [bob, nobody] = [await written(t, BOB), await written(t, ALICE)];
    const calls: { temps: readonly TempFile[]; changing: readonly string[] }[] = [];
    const beforeWrite: ForgetRequest['beforeWrite'] = (temps, changing) => {
      for (const { path, uid = 0 } of temps) {
        assert.partialDeepStrictEqual(lstatSync(path), { size: 0, uid });
        assert.equal(actorsOf(uid).length, 1);
      }
      calls.push({ temps, changing });
      return Promise.resolve();
    };
    const sinks = [...bob.sinks, ...nobody.sinks].map((sink) => ({ ...sink, owner: 'no such', group: 0 }));
    const { outcomes, temps } = await forgetSinks(deps, request(sinks, { beforeWrite }));
    assert.deepEqual(
      outcomes.map(({ path, result, error }) => [path, result, error]),
      sinks.map(({ path, format }) => [path, format === 'json' ? 'removed' : 'forgotten', undefined]),
    );
    assert.deepEqual(temps, []);
    assert.deepEqual(
      calls.flatMap(({ changing }) => changing).sort(),
      [bob, nobody].map((one) => idOf(one.sinks[0])).sort(),
    );
    assert.deepEqual(calls.flatMap((call) => call.temps.map(({ uid }) => uid)).sort(), [ALICE, BOB]);
    for (const [
      uid,
      {
        home,
        sinks: [{ path }],
      },
    ] of [
      [BOB, bob],
      [ALICE, nobody],
    ] as const) {
      assert.equal(readFileSync(path, 'utf8'), OTHER);
      assert.partialDeepStrictEqual(lstatSync(path), { uid, mode: 0o100600 });
      assert.deepEqual([readdirSync(home).sort(), readdirSync(join(home, 'made'))], [['credentials', 'made'], []]);
    }
  });

  test('can be seen before, and does not happen then', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { sinks } = await written(t, BOB);
    const look = (): unknown => sinks.map(({ path }) => [readFileSync(path), lstatSync(path, { bigint: true })]);
    const before = look();
    const [cut, gone] = await previewForget(deps, request(sinks));
    assert.partialDeepStrictEqual(cut, { result: 'forgotten', next: Buffer.from(OTHER) });
    assert.match(cut?.current?.toString() ?? '', /aws_session_token/);
    assert.partialDeepStrictEqual(gone, { result: 'removed', next: Buffer.alloc(0) });
    assert.deepEqual(look(), before);
  });

  test('leaves the credentials of somebody else alone, unless it is forced', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { sinks } = await written(t, BOB);
    const foreign = '[default]\naws_access_key_id = ASIAUSER0002\n';
    writeFileSync(sinks[0].path, foreign);
    const { outcomes } = await forgetSinks(deps, request([sinks[0]]));
    assert.partialDeepStrictEqual(outcomes, [{ result: 'refused', error: { code: 'SINK_NOT_OURS' } }]);
    assert.equal(readFileSync(sinks[0].path, 'utf8'), foreign);
    const never = await forgetSinks(deps, request([sinks[1]], { keyId: undefined }));
    assert.partialDeepStrictEqual(never.outcomes, [{ result: 'refused', error: { code: 'SINK_NOT_OURS' } }]);
    const forced = await forgetSinks(deps, request(sinks, { force: true }));
    assert.ok(forced.outcomes.every(({ result }) => result === 'removed'));
  });

  test('removes what a kill has left there, and keeps in the journal what nobody can remove', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { home, base } = await written(t, BOB);
    const leave = (path: string, uid: number): TempFile => {
      own(uid, path, 'secret');
      return { path, inode: String(lstatSync(path, { bigint: true }).ino), ...(uid !== 0 && { uid }) };
    };
    const temps = [leave(join(home, 'a.1'), BOB), leave(join(base, 'b.2'), 0)];
    // As if Bob's process had claimed it: root must not take his word.
    const claimed = { ...leave(join(base, 'c.3'), 0), uid: BOB };
    const result = await forgetSinks(deps, request([], { temps: [...temps, claimed] }));
    assert.deepEqual(
      [readdirSync(home).sort(), readdirSync(base).sort()],
      [
        ['credentials', 'made'],
        ['c.3', 'home', 'vault'],
      ],
    );
    assert.deepEqual(result.temps, []);
    const { actors: _actors, ...without } = deps;
    const kept = { path: '/proc/nonexistent/a.1', inode: '1', uid: BOB };
    assert.deepEqual((await forgetSinks(without, request([], { temps: [kept] }))).temps, [kept]);
  });
});

describe('a user gains nothing from a forgetting root by', () => {
  test('a link to a file of root in place of the sink, or a file of root', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { home, vault, sinks, assertVaultUntouched } = await written(t, BOB);
    const at = (name: string): SinkConfig => ({ ...sinks[0], path: join(home, name) });
    symlinkSync(join(vault, 'credentials'), at('symlink').path);
    lchownSync(at('symlink').path, BOB, BOB);
    writeFileSync(at('of-root').path, readFileSync(sinks[0].path), { mode: 0o600 });
    writeFileSync(at('open').path, readFileSync(sinks[0].path), { mode: 0o644 });
    // As if protected_hardlinks were off.
    linkSync(join(home, 'of-root'), at('link').path);
    const names = ['symlink', 'of-root', 'link', 'open'];
    const look = (): unknown =>
      names.map((name) => {
        const { ino, mode, uid, size, ctimeNs } = lstatSync(at(name).path, { bigint: true });
        return [ino, mode, uid, size, ctimeNs];
      });
    const before = look();
    const { outcomes } = await forgetSinks(deps, request(names.map(at), { force: true }));
    assert.deepEqual(
      outcomes.map(({ error }) => error?.code),
      ['SINK_NOT_REGULAR', 'SINK_UNREADABLE', 'SINK_UNREADABLE', 'SINK_WRITE_FAILED'],
    );
    assert.deepEqual(look(), before);
    assertVaultUntouched();
  });

  test('moving the directory away and a link to one of root in its place, while it is forgotten', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { home, vault, sinks, assertVaultUntouched } = await written(t, BOB);
    mkdirSync(join(home, 'd'));
    chownSync(join(home, 'd'), BOB, BOB);
    renameSync(sinks[0].path, join(home, 'd/credentials'));
    const beforeWrite: ForgetRequest['beforeWrite'] = () => {
      renameSync(join(home, 'd'), join(home, 'moved'));
      symlinkSync(vault, join(home, 'd'));
      return Promise.resolve();
    };
    const sink = { ...sinks[0], path: join(home, 'd/credentials') };
    const { outcomes } = await forgetSinks(deps, request([sink], { beforeWrite }));
    assert.partialDeepStrictEqual(outcomes, [{ result: 'failed' }]);
    assertVaultUntouched();
  });
});
