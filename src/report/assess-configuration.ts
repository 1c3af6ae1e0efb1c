import type { Context, Judged } from './assess-contract.ts';
import type { OnDisk } from './status.ts';

/** So long somebody may be at work on the files; milliseconds. */
const EDITING = 600_000;

/** Whether the configuration on disk is the one in force: a wrong one would show at the next start, when it hurts. */
export function judgeConfiguration(context: Context): readonly Judged[] {
  const { onDisk, now } = context;
  if (onDisk?.state === 'refused') return [refused(context, onDisk)];
  const isForgotten = onDisk?.state === 'edited' && !(now - Date.parse(onDisk.since ?? '') < EDITING);
  return isForgotten ? [edited(context, onDisk)] : [];
}

function common({ status }: Context, { since }: OnDisk): Pick<Judged, 'severity' | 'subject' | 'since' | 'exits'> {
  const subject = status.configuration?.files[0] ?? 'configuration';
  return { severity: 'warning', subject, ...(since !== undefined && { since }), exits: {} };
}

function refused(context: Context, onDisk: OnDisk): Judged {
  return {
    ...common(context, onDisk),
    id: 'config-refused',
    problem: 'refused as it is on disk, so that the former one is in force and the next start fails,',
    evidence: [onDisk.problem ?? 'it cannot be read'],
    remedy: { text: 'correct it, and see that nothing is left', line: 'sudo credrotate check --config-only' },
  };
}

function edited(context: Context, onDisk: OnDisk): Judged {
  const { status, host, hasUnits } = context;
  const reload = hasUnits ? 'sudo systemctl reload credrotate' : `kill -HUP ${status.agent.pid}`;
  return {
    ...common(context, onDisk),
    id: 'config-not-in-force',
    problem: 'changed on disk and not in force',
    evidence: [],
    remedy: { text: 'bring it into force', line: status.agent.mode === 'run' ? reload : host.pass },
  };
}
