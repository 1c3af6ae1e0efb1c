import type { Finding } from '../core/findings.ts';
import type { ConsumerFacts, UnitFacts } from './contract.ts';

/** Units that cannot be told the way that the configuration says, or that a signal may end for good. */
export function judgeUnit(consumer: ConsumerFacts): readonly Finding[] {
  const { name, unit } = consumer;
  if (!unit) return [];
  if (!unit.isThere) return [missing(name, unit)];
  return [...judgeReload(name, unit), ...judgeRestart(consumer, unit)];
}

function missing(subject: string, { name }: UnitFacts): Finding {
  return {
    id: 'unit-missing',
    severity: 'error',
    subject,
    problem: `there is no unit ${name}, so that nobody is notified`,
    evidence: [`systemctl show ${name}: LoadState=not-found`],
    remedy: { text: 'correct its name in the configuration', line: 'systemctl list-units --type=service' },
  };
}

function judgeReload(subject: string, { name, action, canReload }: UnitFacts): readonly Finding[] {
  if (canReload || (action !== 'reload' && action !== 'try-reload-or-restart')) return [];
  const never = action === 'reload';
  return [
    {
      id: 'unit-cannot-reload',
      severity: never ? 'error' : 'note',
      subject,
      problem: never
        ? `${name} cannot reload, so that it is never notified`
        : `${name} cannot reload: it is restarted, when little is left of the credentials that it knows`,
      evidence: [`systemctl show ${name}: CanReload=no`],
      remedy: never
        ? { text: 'have it restarted', line: 'action: try-reload-or-restart' }
        : { text: 'nothing, if it may be restarted every few hours; else give the unit an ExecReload=' },
    },
  ];
}

/** systemd takes death by SIGHUP for success, so that Restart=on-failure does not bring the unit back. */
function judgeRestart({ name: subject, told, processes }: ConsumerFacts, unit: UnitFacts): readonly Finding[] {
  const isSure = processes.length > 0 && processes.every(({ error }) => !error);
  if (told !== 'signal' || unit.restart === 'always' || isSure) return [];
  return [
    {
      id: 'unit-stays-down',
      severity: 'warning',
      subject,
      problem: `a signal that ${unit.name} does not handle would end it, and nothing would start it again`,
      evidence: [`systemctl show ${unit.name}: Restart=${unit.restart}`],
      remedy: {
        text: 'have it restarted whatever ends it',
        line: `sudo systemctl edit ${unit.name}   # [Service] Restart=always`,
      },
    },
  ];
}
