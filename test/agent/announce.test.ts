import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { Fetched } from '../../src/core/contracts.ts';
import type { PassReport, SourceState } from '../../src/core/outcomes.ts';
import { HOUR, NOON } from '../support/credentials.ts';
import { limit } from '../support/limits.ts';
import { fails, gives, makeAgent } from '../rotation/passes.ts';

const MINUTE = 60_000;

const GOOD = gives('A');
const GONE = fails('unreachable', 'IMDS_UNREACHABLE');
const BUSY = fails('unreachable', 'IMDS_THROTTLED');
const TORN = fails('malformed', 'IMDS_MALFORMED');
const OLD = fails('expired', 'IMDS_EXPIRED');
const NO_ROLE = fails('no_role', 'IMDS_NO_ROLE');
const DENIED = fails('denied', 'IMDS_DENIED');
const OFF = fails('disabled', 'IMDS_DISABLED');

interface Passes {
  readonly report: PassReport;
  /** What was said of the source. */
  readonly lines: readonly string[];
}

/** A pass for each answer, so many minutes after the one before. */
async function passes(t: TestContext, answers: readonly Fetched[], apart: number): Promise<Passes> {
  const { agent, clock, log, left } = makeAgent(t, answers);
  let report: PassReport | undefined;
  while (left() > 0) {
    if (report) clock.advance(apart * MINUTE);
    report = await agent.once({ trigger: 'once' }, { waitMs: 0, patienceMs: 0 }, AbortSignal.timeout(limit(5_000)));
  }
  assert(report);
  return { report, lines: log.lines.filter((line) => !line.includes('rotation ')) };
}

/** The state that the last answer leads to, and what was said on the way, each change once. */
type Row = [what: string, answers: readonly Fetched[], state: SourceState, said: readonly RegExp[]];

describe('the states of the source', () => {
  const stale = /^warn source is stale: .*IMDS_UNREACHABLE \(mend it\)$/;
  const recovered = /^info source is ok again$/;
  const rows: readonly Row[] = [
    ['healthy: nothing to say', [GOOD, GOOD, gives('B')], 'ok', []],
    ['no role yet', [NO_ROLE, NO_ROLE], 'no_role', [/^warn source is no_role: .*IMDS_NO_ROLE \(mend it\)$/]],
    ['a role that comes late', [NO_ROLE, NO_ROLE, GOOD], 'ok', [/^warn source is no_role/, recovered]],
    [
      'the role is removed',
      [GOOD, NO_ROLE, NO_ROLE],
      'no_role',
      [/^error source is no_role: .*; the files keep the credentials of role web, good until 2026-11-23T18:00:00Z \(/],
    ],
    ['and comes back', [GOOD, NO_ROLE, gives('B')], 'ok', [/^error source is no_role/, recovered]],
    [
      'the role is swapped',
      [GOOD, gives('B', { role: 'db', expiration: NOON + HOUR })],
      'ok',
      [/^warn role web became db \(every consumer is notified; .*CloudTrail/],
    ],
    [
      'the image of another instance',
      [GOOD, gives('B', { instanceId: 'i-2', role: 'db' })],
      'ok',
      [/^warn instance i-1 became i-2, role web became db \(/],
    ],
    [
      'earlier than those that stand',
      [GOOD, gives('B', { expiration: NOON + HOUR }), gives('B', { expiration: NOON + HOUR })],
      'ok',
      [/^warn source is ok: .*before the current ones, which are kept: .* \(if it lasts, .*refresh --accept/],
    ],
    ['expired at first fetch', [OLD, OLD], 'expired', [/^error source is expired: .*IMDS_EXPIRED \(mend it\)$/]],
    ['expired ones beside good ones', [GOOD, OLD], 'stale', [/^warn source is stale: .*IMDS_EXPIRED/]],
    ['nobody answers at first', [GONE, GONE], 'unreachable', [/^error source is unreachable/]],
    ['the endpoint is gone', [GOOD, GONE, GONE, GONE], 'stale', [stale]],
    ['the endpoint is gone, and back', [GOOD, GONE, GONE, GOOD], 'ok', [stale, recovered]],
    ['gone and back and gone', [GOOD, GONE, GOOD, GONE], 'stale', [stale, recovered, stale]],
    [
      'trouble that changes its face: each once',
      [GOOD, GONE, BUSY, GONE, TORN, BUSY, GONE],
      'stale',
      [stale, /^warn source is stale: .*IMDS_THROTTLED/, /^warn source is stale: .*IMDS_MALFORMED/],
    ],
    ['malformed at first', [TORN, TORN], 'malformed', [/^error source is malformed/]],
    ['denied', [DENIED, DENIED], 'denied', [/^error source is denied: [^;]*\(mend it\)$/]],
    ['denied beside good ones', [GOOD, DENIED], 'denied', [/^error .*; the files keep .* role web, good until /]],
    ['switched off', [OFF, OFF], 'disabled', [/^error source is disabled/]],
  ];
  const late: readonly Row[] = [
    ['gone for longer than the credentials live', [GOOD, GONE, GONE], 'expired', [stale, /^error source is expired/]],
    ['and back', [GOOD, GONE, GONE, gives('B', { expiration: NOON + 20 * HOUR })], 'ok', [stale, /expired/, recovered]],
    [
      'no role, and the last credentials have ended',
      [GOOD, NO_ROLE, NO_ROLE],
      'no_role',
      [/^error source is no_role: .*, good until 2026-11-23T18:00:00Z/],
    ],
  ];
  for (const [apart, table] of [
    [1, rows],
    [4 * 60, late],
  ] as const) {
    for (const [what, answers, state, said] of table) {
      test(`${what}: ${state}`, async (t) => {
        const { report, lines } = await passes(t, answers, apart);
        check(report, lines, { state, said });
      });
    }
  }
});

describe('a clock that is wrong is said once', () => {
  const notified = (clockSkew: number): Fetched => ({ ...GOOD, clockSkew });
  const warning = /^warn the clock of this host says 2026-11-23T12:0\d:00Z, that of the source \S+: set it right/;
  const rows: readonly [what: string, answers: readonly Fetched[], said: readonly RegExp[]][] = [
    ['a minute is not worth it', [notified(60_000), notified(-60_000)], []],
    ['ahead', [notified(7_200_000), notified(7_205_000)], [warning]],
    [
      'in 1970, then set',
      [notified(-NOON), notified(-NOON), notified(12)],
      [warning, /^info the clock of this host is right again$/],
    ],
    ['an answer that tells no time changes nothing', [notified(61_000), GOOD, notified(61_000)], [warning]],
  ];
  for (const [what, answers, said] of rows) {
    test(what, async (t) => {
      const { report, lines } = await passes(t, answers, 1);
      check(report, lines, { state: 'ok', said });
    });
  }
});

interface Expected {
  readonly state: SourceState;
  readonly said: readonly RegExp[];
}

function check(report: PassReport, lines: readonly string[], { state, said }: Expected): void {
  assert.equal(report.source.state, state);
  assert.equal(lines.length, said.length, lines.join('\n'));
  said.forEach((what, index) => {
    assert.match(lines[index] ?? '', what);
  });
  if (report.source.error) assert(report.source.error.hint);
}
