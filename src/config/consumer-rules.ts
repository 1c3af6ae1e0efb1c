import { usualWhen } from './build.ts';
import { invalid, type Problem } from './problem.ts';
import { find, keyPlaceOf, textAt, type Part } from './tree.ts';

/** What the settings of one consumer have against each other. */
export function consumerRules(consumer: Part): Problem[] {
  const type = textAt(consumer.tree, ['type']);
  return [
    ...beforeWithoutExpiring(consumer),
    ...(type === 'systemd' ? signalWithoutKill(consumer) : []),
    ...(type === 'signal' ? oneTarget(consumer) : []),
  ];
}

function beforeWithoutExpiring({ tree, path }: Part): Problem[] {
  const when = textAt(tree, ['when']) ?? usualWhen(textAt(tree, ['type']), textAt(tree, ['action']));
  if (when !== 'changed' || !find(tree, ['before'])) return [];
  return [
    invalid(keyPlaceOf(tree, ['before']), {
      path: `${path}.before`,
      message: `expected it with when: expiring alone, got when: changed`,
      hint: 'remove it, or add when: expiring',
    }),
  ];
}

function signalWithoutKill({ tree, path }: Part): Problem[] {
  if (textAt(tree, ['action']) === 'kill' || !find(tree, ['signal'])) return [];
  return [
    invalid(keyPlaceOf(tree, ['signal']), {
      path: `${path}.signal`,
      message: 'expected it with action: kill alone, got another action',
      hint: 'remove it, or add action: kill',
    }),
  ];
}

function oneTarget({ tree, path }: Part): Problem[] {
  const targets = ['pid_file', 'process'].filter((key) => find(tree, [key]));
  if (targets.length === 1) return [];
  const got = targets.length === 0 ? 'neither' : 'both';
  return [invalid(tree.at, { path, message: `expected either pid_file or process, got ${got}` })];
}
