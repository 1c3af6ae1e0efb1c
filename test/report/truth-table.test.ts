import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { ExitCode } from '../../src/core/exit.ts';
import { checkLine, NAGIOS, statusText } from '../../src/report/print-status.ts';
import type { StatusFacts } from '../../src/report/judge.ts';
import { judgeKeeper, type Sight } from '../../src/report/keeper.ts';
import { renderMetrics } from '../../src/report/metrics.ts';
import { isUpToDate, reportStatus } from '../../src/report/report.ts';
import type { ConsumerStatus, OnDisk, SinkStatus, Status } from '../../src/report/schema.ts';
import { NOON } from '../support/credentials.ts';
import { before, CONFIGURATION, consumerOf, LAST_PASS, sinkOf, sourceOf, statusOf } from './status-parts.ts';

/** Every combination of what can be, and what all that speaks of it says: docs/status.md has the rules as a table. */

const error = { code: 'IMDS_DENIED', message: 'no' } as const;

const SOURCES: Readonly<Record<string, Status['source']>> = {
  ok: sourceOf({}),
  failing: sourceOf({ state: 'denied', error }),
  expired: sourceOf({ state: 'expired', expiration: before(1), error: { code: 'IMDS_UNREACHABLE', message: 'x' } }),
  never: { state: 'no_role', since: LAST_PASS, origin: {}, error: { code: 'IMDS_NO_ROLE', message: 'x' } },
};

const GOOD = [sinkOf('/a'), sinkOf('/b')];
const outdated = (drift: SinkStatus['drift']): SinkStatus =>
  sinkOf('/c', { result: 'outdated', drift, error: { code: 'SINK_OUTDATED', message: 'x' }, since: before(7) });
const SINKS: Readonly<Record<string, readonly SinkStatus[]>> = {
  current: GOOD,
  unknown: [...GOOD, sinkOf('/c', { result: 'unknown' })],
  failed: [...GOOD, sinkOf('/c', { result: 'failed', error: { code: 'SINK_WRITE_FAILED', message: 'full' } })],
  missing: [...GOOD, outdated(['missing'])],
  unreachable: [...GOOD, sinkOf('/c', { isUnreachable: true, warnings: ['shut out'] })],
};

const BY: Readonly<Record<string, readonly [agent: Partial<Status['agent']>, sight: Sight]>> = {
  'agent alive': [{}, { process: 'alive' }],
  'agent stopped': [{ stoppedAt: before(1) }, { process: 'gone', timer: { state: 'inactive' } }],
  'agent killed': [{}, { process: 'gone', timer: { state: 'inactive' } }],
  'agent hidden': [{}, { process: 'hidden' }],
  'timer alive': [{ mode: 'once' }, { process: 'gone', timer: { state: 'waiting', next: NOON + 60_000 } }],
  'timer stopped': [{ mode: 'once' }, { process: 'gone', timer: { state: 'inactive' } }],
  'timer without a pass': [{ mode: 'once' }, { process: 'gone', timer: { state: 'waiting', lastTrigger: NOON - 1 } }],
  'timer unknown': [{ mode: 'once' }, { process: 'gone', timer: { state: 'unknown' } }],
  'timer after an agent': [{ stoppedAt: before(1) }, { process: 'gone', timer: { state: 'waiting' } }],
  'cron alive': [{ mode: 'once', every: 60 }, { process: 'gone' }],
  'cron stopped': [{ mode: 'once', every: 10 }, { process: 'gone' }],
  none: [{ mode: 'once' }, { process: 'gone' }],
};

const DISK: Readonly<Record<string, OnDisk>> = {
  'in force': { state: 'in_force' },
  refused: { state: 'refused', since: before(1), problem: 'c.yaml:3:5: sinks: expected' },
  'edited just now': { state: 'edited', since: before(9) },
  edited: { state: 'edited', since: before(11) },
};

const CONSUMERS: Readonly<Record<string, readonly ConsumerStatus[]>> = {
  notified: [consumerOf('web')],
  pending: [consumerOf('web', { result: 'pending' })],
  'ended, down': [consumerOf('web', { result: 'ended' })],
  'ended, another runs': [ended(true, before(-60))],
  'ended, runs out': [ended(true, before(1))],
};

function ended(isRunning: boolean, runsOutAt: string): ConsumerStatus {
  return consumerOf('web', { result: 'ended', successor: { isRunning, runsOutAt } });
}

interface Combination {
  readonly source: string;
  readonly sinks: string;
  readonly by: string;
  readonly disk: string;
  readonly consumers: string;
}

/** With this one for the next pass. */
function combinations(by: string): readonly Combination[] {
  const each = [SOURCES, SINKS, DISK, CONSUMERS].map((choices) => Object.keys(choices));
  const all = each.reduce<string[][]>((rows, keys) => rows.flatMap((row) => keys.map((key) => [...row, key])), [[]]);
  return all.map(([source = '', sinks = '', disk = '', consumers = '']) => ({ source, sinks, by, disk, consumers }));
}

interface Rule {
  readonly check: number;
  readonly once: readonly ExitCode[];
  readonly refresh: readonly ExitCode[];
  readonly status: readonly ExitCode[];
}

const isAlive = ({ by }: Combination): boolean => by.endsWith('alive') || by === 'timer after an agent';
const isUnknown = ({ by }: Combination): boolean => by === 'agent hidden' || by === 'timer unknown';
const isDead = ({ source }: Combination): boolean => source === 'expired' || source === 'never';
/** Without any credentials that is said once, and not of each sink that it leaves unknown. */
const isSinkBad = ({ sinks, source }: Combination): boolean =>
  !['current', 'unreachable'].includes(sinks) && !(sinks === 'unknown' && source === 'never');
const isDown = ({ consumers }: Combination): boolean => consumers === 'ended, down' || consumers === 'ended, runs out';
const isDoubtful = ({ source, sinks, disk, consumers }: Combination): boolean =>
  source === 'failing' ||
  sinks === 'unreachable' ||
  consumers !== 'notified' ||
  disk === 'refused' ||
  disk === 'edited';

/** The rules. */
function expected(combination: Combination): Rule {
  const { source, sinks, consumers } = combination;
  const isKept = isAlive(combination) || isUnknown(combination);
  const isCritical = isDead(combination) || isSinkBad(combination) || isDown(combination) || !isKept;
  const codes: readonly (readonly [applies: boolean, code: ExitCode])[] = [
    [source === 'expired', 75],
    [source === 'never', 69],
    [isSinkBad(combination), sinks === 'failed' ? 73 : 75],
    [consumers !== 'notified', 74],
  ];
  const files = codes.flatMap(([applies, code]) => (applies ? [code] : []));
  return {
    check: isCritical ? 2 : isUnknown(combination) ? 3 : isDoubtful(combination) ? 1 : 0,
    once: files,
    refresh: source === 'failing' ? [77, ...files] : files,
    status: isAlive(combination) ? files : [75, ...files],
  };
}

const ORDER: readonly ExitCode[] = [77, 73, 75, 69, 74];
const first = (codes: readonly ExitCode[]): ExitCode => ORDER.find((code) => codes.includes(code)) ?? 0;

function samples(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

/** Whether all that an alert goes by is as it should be. */
function isGreen(metrics: ReadonlyMap<string, number>): boolean {
  const value = (start: string): number[] =>
    [...metrics].filter(([name]) => name.startsWith(`credrotate_${start}`)).map(([, number]) => number);
  const [expiry = 0] = value('credentials_expiry');
  const [next = Infinity] = value('next_pass');
  return (
    expiry * 1000 > NOON &&
    next * 1000 > NOON - 60_000 &&
    value('source_state{state="ok"}')[0] === 1 &&
    value('config_in_force')[0] === 1 &&
    value('sink_up_to_date').every((one) => one === 1) &&
    value('consumer_pending').every((one) => one === 0) &&
    value('consumer_ended').every((one) => one === 0)
  );
}

/** What only the host can see, what was edited just now, and who is shut out, have no metric but the level. */
const UNSEEN = ['timer stopped', 'timer without a pass', 'timer unknown', 'agent killed', 'agent hidden', 'none'];

describe('level, exit codes, --check, metrics and the text for systemd agree', () => {
  for (const by of Object.keys(BY)) {
    test(`next pass: ${by}`, () => {
      const all = combinations(by);
      assert.equal(all.length, 4 * 5 * 4 * 5);
      for (const combination of all) agree(combination);
    });
  }
});

function factsOf({ source, sinks, by, disk, consumers }: Combination): StatusFacts {
  const [agent, sight] = BY[by] ?? assert.fail();
  const onDisk = DISK[disk] ?? assert.fail();
  const { nextPass, ...rest } = statusOf({
    agent: { ...statusOf().agent, ...agent },
    configuration: { ...CONFIGURATION, onDisk },
    source: SOURCES[source] ?? assert.fail(),
    sinks: SINKS[sinks] ?? assert.fail(),
    consumers: CONSUMERS[consumers] ?? assert.fail(),
  });
  const status: Status = { ...rest, ...(agent.mode !== 'once' && nextPass && { nextPass }) };
  return { status, keeper: judgeKeeper(status, sight, NOON), onDisk, hasUnits: true };
}

function agree(combination: Combination): void {
  const what = JSON.stringify(combination);
  const facts = factsOf(combination);
  const rule = expected(combination);
  const { report, assessment } = reportStatus('status', facts, NOON);
  assert.equal(NAGIOS[report.level], rule.check, what);
  for (const command of ['once', 'refresh', 'status'] as const) {
    assert.equal(assessment.exitCodes[command], first(rule[command]), `${command}: ${what}`);
    // The facts may be a report by themselves, as one comes from the agent.
    const again = reportStatus(command, { ...facts, status: report }, NOON).report;
    assert.deepEqual([again.command, again.exitCode], [command, first(rule[command])], what);
  }
  // OK is said where nothing was found, and only there.
  assert.equal(report.findings.length === 0, rule.check === 0, what);
  const line = checkLine(report.level, assessment.summary, assessment.left);
  const word = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'][rule.check] ?? '';
  assert.ok(line.startsWith(`CREDROTATE ${word} - `) && statusText(report.level, assessment.summary).startsWith(word));
  for (const { id, since, remedy, problem, subject } of report.findings) {
    // Since when nobody could tell nobody knows.
    assert.ok(since !== undefined || id === 'next-pass-unknown', `${id}: ${what}`);
    assert.ok(remedy.text.length > 0 && problem.length > 0, what);
    assert.ok(line.includes(subject) || line.includes(' more: '), line + what);
  }
  const metrics = samples(renderMetrics(report));
  assert.equal(metrics.get(`credrotate_status{level="${report.level}"}`), 1);
  if (combination.disk !== 'edited just now' && combination.sinks !== 'unreachable' && !UNSEEN.includes(combination.by))
    assert.equal(isGreen(metrics), rule.check === 0, what);
  const isGood =
    ['ok', 'failing'].includes(combination.source) && ['current', 'unreachable'].includes(combination.sinks);
  assert.equal(isUpToDate(facts, NOON), isGood, what);
}

const WELL: Combination = {
  source: 'ok',
  sinks: 'current',
  by: 'agent alive',
  disk: 'in force',
  consumers: 'notified',
};
const well = (change: Partial<Combination>): StatusFacts => factsOf({ ...WELL, ...change });
const status = (change: Partial<Status>): StatusFacts => {
  const facts = well({});
  return { ...facts, status: { ...facts.status, ...change } };
};
const refused = { code: 'SINK_UNSAFE_PATH', message: 'x' } as const;

const NO_PLACE = { code: 'STATE_ABSENT', message: 'x' } as const;

/** The situations of docs/status.md. */
const SITUATIONS: Readonly<Record<string, StatusFacts>> = {
  'every sink is up to date, and the next pass will come': well({}),
  'the source fails, and the credentials in the files are valid': well({ source: 'failing' }),
  'the source gives credentials that expire before the current ones': status({
    source: sourceOf({ error: { code: 'CREDENTIALS_OLDER', message: 'x' } }),
  }),
  'there are no credentials': well({ source: 'never' }),
  'the credentials have expired': well({ source: 'expired' }),
  'a sink is not up to date, and there was nothing to write into it': well({ sinks: 'missing' }),
  'a sink could not be written': well({ sinks: 'failed' }),
  'a sink was refused for safety': status({ sinks: [sinkOf('/a', { result: 'refused', error: refused })] }),
  'a sink is up to date, and its owner or group cannot reach it': well({ sinks: 'unreachable' }),
  'nothing makes the next pass': well({ by: 'none' }),
  'the next pass is overdue': well({ by: 'cron stopped' }),
  'it is unknown what makes the next pass': well({ by: 'agent hidden' }),
  'the configuration on disk is refused': well({ disk: 'refused' }),
  'the configuration was changed over ten minutes ago, and is not in force': well({ disk: 'edited' }),
  'a consumer is pending': well({ consumers: 'pending' }),
  'a consumer ended when it was notified, and another runs in its place': well({ consumers: 'ended, another runs' }),
  'a consumer ended when it was notified, another runs in its place, and its credentials are about to expire': status({
    consumers: [consumerOf('web', { result: 'ended', successor: { isRunning: true, runsOutAt: before(0) } })],
  }),
  'a consumer ended when it was notified, and does not run': well({ consumers: 'ended, down' }),
  'a consumer was notified, and does not read its files': status({
    consumers: [consumerOf('web', { notReading: true })],
  }),
  'the agent cannot write its state': status({ errors: [{ code: 'STATE_UNWRITABLE', message: 'x' }] }),
  'others could change the state': status({ errors: [{ code: 'STATE_UNSAFE', message: 'x' }] }),
  'there is no place for the state, and no consumer is still to be notified': status({ errors: [NO_PLACE] }),
  'there is no place for the state, and a consumer is still to be notified later': status({
    errors: [NO_PLACE],
    consumers: [consumerOf('web', { result: 'scheduled', pendingSince: before(1) })],
  }),
  'a file that is no longer a sink holds valid credentials': status({
    left: [{ path: '/old', format: 'json', keyId: '…WXYZ', expiration: before(-60) }],
  }),
  'the clock of the host is wrong': status({ source: sourceOf({ clockSkew: 3_600_000 }) }),
};

test('docs/status.md has the same rules', () => {
  const page = readFileSync(new URL('../../docs/status.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => /^\| .* \| \d +\|$/.test(line));
  const said = rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const names = said.map(([name]) => name).filter((name) => name !== 'no pass was made since the boot');
  assert.deepEqual(names.toSorted(), Object.keys(SITUATIONS).toSorted());
  for (const [name = '', ...cells] of said) {
    const facts = SITUATIONS[name];
    if (!facts) continue;
    const { report, assessment } = reportStatus('status', facts, NOON);
    const codes = [assessment.exitCodes.once, assessment.exitCodes.refresh, assessment.exitCodes.status];
    assert.equal(String(NAGIOS[report.level]), cells[3], name);
    for (const [index, code] of codes.entries()) {
      const cell = cells[index] ?? '';
      // Without an agent there is no refresh, and a refused configuration ends once before its pass.
      if (cell === '' || cell === '78') continue;
      if (cell === "the source's code") assert.notEqual(code, 0, name);
      else assert.equal(cell.split(',')[0], String(code), name);
    }
  }
});
