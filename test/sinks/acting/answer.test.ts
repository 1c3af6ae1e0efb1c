import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseMessage, parseLook } from '../../../src/sinks/acting/answer.ts';
import { LIMITS } from '../../../src/sinks/acting/message.ts';
import { runs } from '../../support/runs.ts';
import { sinkAt } from '../../support/sinks.ts';

const SCOPE = { kind: 'apply', sinks: [sinkAt('/home/bob/a'), sinkAt('/home/bob/b')], temps: 2 } as const;

const RECORD = {
  ...{ key: '0'.repeat(32), expiration: 7, inode: '12', size: '34', ctimeNs: '56', mode: 0o600, uid: 1000, gid: 1000 },
  ...{ renamedAt: 1, renamedAtBoot: { bootId: 'a-b', sinceBoot: 2.5 } },
};
const WRITTEN = { result: 'written', bytesChanged: true, drift: ['missing'], warnings: ['careful'], record: RECORD };
const FAILED = {
  ...{ result: 'failed', bytesChanged: false, drift: [], warnings: [] },
  error: { code: 'SINK_WRITE_FAILED', message: 'expected room, got none', hint: 'df' },
};
const DONE = { done: { sinks: [WRITTEN, FAILED], kept: [1] } };
const STAGED = { staged: [{ sink: 1, name: '.b.123.crtmp', inode: '9', changing: [0] }] };

describe('an answer', () => {
  test('of the right form is taken as it is', () => {
    for (const answer of [DONE, STAGED, { refused: 'no rights' }]) assert.deepEqual(parse(answer), answer);
    const authorities = [
      { kind: 'self' },
      { kind: 'user', uid: 1000, at: '/home/bob', isClaim: true },
      { kind: 'refused', error: FAILED.error },
    ];
    assert.deepEqual(parseLook(JSON.stringify({ authorities }), 3), { authorities });
  });

  test('loses what nobody asked for, and the characters that steer a terminal', () => {
    const warnings = ['\u001b[2J\n\u202egood'];
    const answer = { done: { sinks: [{ ...WRITTEN, warnings, path: '/etc/shadow' }, FAILED], kept: [] }, more: 1 };
    assert.deepEqual(parse(answer), {
      done: { sinks: [{ ...WRITTEN, warnings: ['\\u{1b}[2J\\n\\u{202e}good'] }, FAILED], kept: [] },
    });
  });

  const done = (change: object): object => ({ done: { sinks: [{ ...WRITTEN, ...change }, FAILED], kept: [] } });
  const staged = (change: object): object => ({ staged: [{ ...STAGED.staged[0], ...change }] });
  const wrong: Readonly<Record<string, unknown>> = {
    'nothing known': {},
    'a list': [DONE],
    'too few sinks': { done: { sinks: [WRITTEN], kept: [] } },
    'too many sinks': { done: { sinks: [WRITTEN, FAILED, FAILED], kept: [] } },
    'a temp file that there is not': { done: { sinks: [WRITTEN, FAILED], kept: [2] } },
    'a success with an error': done({ error: FAILED.error }),
    'a failure without one': done({ result: 'refused' }),
    'an error of somebody else': done({ result: 'failed', error: { ...FAILED.error, code: 'CONFIG_INVALID' } }),
    'a very long warning': done({ warnings: ['x'.repeat(LIMITS.warning + 1)] }),
    'very many warnings': done({ warnings: Array(LIMITS.warnings + 1).fill('x') }),
    'a record with a number for an inode': done({ record: { ...RECORD, inode: 12 } }),
    'a record with another key': done({ record: { ...RECORD, key: '../../etc' } }),
    'a record without end': done({ record: { ...RECORD, size: '9'.repeat(21) } }),
    'a mode that is none': done({ record: { ...RECORD, mode: 0o10000 } }),
    'a uid that is none': done({ record: { ...RECORD, uid: -1 } }),
    'bytes that are no base64': done({ next: '*' }),
    'bytes without end': done({ next: 'A'.repeat(LIMITS.shown * 2) }),
    'no temp file': { staged: [] },
    'more temp files than sinks': { staged: Array(3).fill(STAGED.staged[0]) },
    'a temp file of a sink that there is not': staged({ sink: 2 }),
    'a temp file of no sink': staged({ sink: -1 }),
    'a change of a sink that there is not': staged({ changing: [2] }),
    'more changes than sinks': staged({ changing: [0, 1, 0] }),
    'a temp file of another name': staged({ name: '.a.123.crtmp' }),
    'a temp file elsewhere': staged({ name: '../.b.123.crtmp' }),
    'a temp file below': staged({ name: '.b.1/../b.123.crtmp' }),
    'the sink itself as a temp file': staged({ name: 'b' }),
    'a backup as a temp file': staged({ name: 'b.old' }),
    'a numbered backup as a temp file': staged({ name: 'b.123' }),
    'a temp file that readers of the directory see': staged({ name: 'b.123.crtmp' }),
  };
  for (const [name, answer] of Object.entries(wrong)) {
    test(`with ${name} is refused`, () => {
      assert.throws(() => parse(answer));
    });
  }

  test('says of a sink what can come of its job, and nothing else', () => {
    const writing = ['written', 'repaired'];
    const forgetting = ['forgotten', 'removed'];
    const kinds = { apply: writing, preview: writing, forget: forgetting, 'preview-forget': forgetting } as const;
    for (const kind of ['apply', 'preview', 'forget', 'preview-forget'] as const) {
      for (const result of [...writing, ...forgetting]) {
        const parseIt = (): unknown => parseMessage(JSON.stringify(done({ result })), { ...SCOPE, kind });
        if (kinds[kind].includes(result)) assert.deepEqual(parseIt(), done({ result }));
        else assert.throws(parseIt, `${kind} ${result}`);
      }
    }
  });

  test('that makes root of a user is refused', () => {
    for (const authority of [
      { kind: 'user', uid: 0 },
      { kind: 'user', uid: 2 ** 32 },
      { kind: 'remote', mount: '/' },
    ]) {
      assert.throws(() => parseLook(JSON.stringify({ authorities: [authority] }), 1), JSON.stringify(authority));
    }
    assert.throws(() => parseLook('{"authorities":[]}', 1));
  });

  test('of any kind is refused or bounded', () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom<unknown>('written', 'SINK_CONFLICT', 'a.1', 'b.22', 0, 1, true, RECORD, FAILED.error, [], {}),
    );
    const shape = (base: object): fc.Arbitrary<object> =>
      fc
        .dictionary(fc.constantFrom(...Object.keys(base), '__proto__'), value)
        .map((change) => ({ ...base, ...change }));
    const answer = fc.oneof(
      value,
      fc
        .array(shape({ ...WRITTEN, error: FAILED.error, next: 'QQ==' }))
        .map((sinks) => ({ done: { sinks, kept: [] } })),
      fc.tuple(shape(WRITTEN), shape(FAILED), value).map(([a, b, kept]) => ({ done: { sinks: [a, b], kept } })),
      fc.array(shape(STAGED.staged[0] ?? {})).map((each) => ({ staged: each })),
    );
    fc.assert(
      fc.property(answer, (each) => {
        let parsed: ReturnType<typeof parse>;
        try {
          parsed = parse(each);
        } catch {
          return;
        }
        // Taken once, it is of the right form, and nothing of it changes any more.
        assert.deepEqual(parse(parsed), parsed);
        assert.doesNotMatch(JSON.stringify(parsed), /\\u00[01]|\\n/);
      }),
      { numRuns: runs(500) },
    );
  });
});

function parse(answer: unknown): ReturnType<typeof parseMessage> {
  return parseMessage(JSON.stringify(answer), SCOPE);
}
