import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { byWeight, FINDING_IDS, type FindingId } from '../../src/core/findings.ts';
import { type DoctorFacts } from '../../src/doctor/contract.ts';
import { diagnose } from '../../src/doctor/judge/diagnose.ts';
import { CASES } from './cases.ts';
import { FACTS, PROFILE_SINK, SINK, withConsumer, withMachine, withMetadata, withProfile, withSink } from './facts.ts';

const SINK_OF_APP = { path: SINK.path, format: 'dotenv' };
const NOW = Date.UTC(2026, 10, 23, 22);
function idsOf(facts: DoctorFacts): readonly FindingId[] {
  return diagnose(facts, NOW)
    .toSorted(byWeight)
    .map(({ id }) => id);
}

describe('a finding', () => {
  test('is not made where all is well', () => {
    assert.deepEqual(diagnose(FACTS, NOW), []);
  });

  for (const [id, { severity, triggers, spares, evidence }] of Object.entries(CASES)) {
    test(`${id} is made of what triggers it, and of nothing else`, () => {
      for (const [index, facts] of triggers.entries()) {
        const finding = diagnose(facts, NOW).find((one) => one.id === id);
        assert.equal(finding?.severity, severity, `trigger ${index}`);
        assert.ok(
          finding.evidence.some((seen) => evidence.test(seen)),
          finding.evidence.join('\n'),
        );
        assert.ok(finding.problem !== '' && !finding.problem.endsWith('.') && finding.remedy.text !== '');
      }
      for (const [index, facts] of spares.entries())
        assert.ok(!idsOf(facts).some((one) => one === id), `spared ${index}`);
    });
  }

  test('is softer where less is at stake', () => {
    const program = withProfile({ others: [{ key: 'credential_process', where: 'x:1' }] });
    for (const [facts, id, severity] of [
      [program, 'profile-shadowed', 'warning'],
      [withMetadata({ clockSkew: 120_000 }), 'clock-skew', 'warning'],
      [withMachine({ hasState: false }, [{ ...SINK, keyIds: ['…OLD1'] }]), 'image-baked', 'warning'],
      [withMetadata({ imdsd: '/run/systemd/io' }), 'imdsd-in-the-way', 'note'],
      [withConsumer({ notifiedBy: 'restart' }, { canReload: false }), 'unit-cannot-reload', 'note'],
      [withConsumer({ processes: [{ pid: 8, program: 'python3.11' }] }), 'never-rereads', 'note'],
    ] as const)
      assert.deepEqual(
        diagnose(facts, NOW).map((finding) => [finding.id, finding.severity]),
        [[id, severity]],
      );
  });

  test('proposes to ask our own json sink where there is one', () => {
    const vector = { processes: [{ pid: 8, program: 'vector' }] };
    const json = { path: '/srv/app/aws.json', format: 'json' };
    const lineOf = (facts: DoctorFacts): string | undefined => diagnose(facts, NOW)[0]?.remedy.line;
    const line = 'credential_process = /usr/bin/credrotate export --format process';
    assert.equal(lineOf(withConsumer(vector)), line);
    assert.equal(lineOf(withConsumer({ ...vector, sinks: [SINK_OF_APP, json] })), `${line} --from /srv/app/aws.json`);
  });

  test('comes once: a profile that is shadowed is not said to be refused as well', () => {
    const refused = { code: 'SINK_FORMAT_REFUSED', message: 'line 2: got role_arn' } as const;
    const profile = { name: 'app', isRoots: false, others: [{ key: 'role_arn', where: 'x:2' }] };
    assert.deepEqual(idsOf(withSink({ trouble: refused, profile }, PROFILE_SINK)), ['profile-shadowed']);
    assert.deepEqual(idsOf(withSink({ trouble: refused }, PROFILE_SINK)), ['sink-refused']);
  });

  test('comes after what is worse', () => {
    const facts = {
      ...withSink({ isMountPoint: true }),
      ...{ metadata: withMetadata({ lockdown: { state: 'off' } }).metadata },
    };
    assert.deepEqual(idsOf({ ...facts, machine: { hasState: true, hasStatus: false, hasUnits: true } }), [
      'sink-mounted',
      'nobody-refreshes',
      'endpoint-open',
    ]);
  });

  test('has an entry in docs/doctor.md', () => {
    const page = readFileSync(new URL('../../docs/doctor.md', import.meta.url), 'utf8');
    const entries = [...page.matchAll(/^### `([\w-]+)`(?: \((.*)\))?$/gm)].map(([, id]) => id);
    assert.deepEqual(entries.toSorted(), [...FINDING_IDS].toSorted());
  });
});
