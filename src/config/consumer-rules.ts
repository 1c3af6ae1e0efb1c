import { usualWhen } from './build.ts';
import { invalid, type Problem } from './problem.ts';
import { find, keyPlaceOf, textAt, type Part } from './tree.ts';

/** What the settings of one consumer have against each other. */
export function consumerRules(consumer: Part): Problem[] {
  const type = textAt(consumer.tree, ['type']);
  return [
    ...beforeWithoutExpiring(consumer),
    ...(type === 'systemd' ? signalWithoutKill(consumer) : []),
    ...(type === 'signal' ? aTarget(consumer) : []),
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

function aTarget({ tree, path }: Part): Problem[] {
  if (['pid_file', 'process'].some((key) => find(tree, [key]))) return [];
  return [invalid(tree.at, { path, message: 'expected pid_file or process, got neither' })];
}
