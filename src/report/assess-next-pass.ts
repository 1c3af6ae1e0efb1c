import { EXIT } from '../core/exit.ts';
import type { Context, Judged } from './assess-contract.ts';

/** Whether somebody keeps the files up to date from now on. */
export function judgeNextPass({ keeper, host }: Context): readonly Judged[] {
  const { life, since, evidence } = keeper;
  if (life === 'alive') return [];
  if (life === 'unknown') {
    return [
      {
        id: 'next-pass-unknown',
        severity: 'unknown',
        subject: 'next pass',
        problem: 'nobody can tell from here whether one will be made',
        evidence: [evidence],
        remedy: { text: 'ask as root', line: 'sudo credrotate status' },
        exits: { status: EXIT.unreachable },
      },
    ];
  }
  return [
    {
      id: 'nobody-refreshes',
      severity: 'error',
      subject: 'next pass',
      problem: life === 'overdue' ? 'it is overdue' : 'nobody will make one',
      ...(since !== undefined && { since: new Date(since).toISOString() }),
      evidence: [evidence],
      remedy: host.start,
      exits: { status: EXIT.unreachable },
    },
  ];
}
