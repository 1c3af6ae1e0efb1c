import { invalid, warning, type Problem } from './problem.ts';
import { isKnownEndpoint, readEndpoint } from './scalars.ts';
import { show } from './show.ts';
import { find, placeOf, textAt, type Tree } from './tree.ts';

/** What is wrong with a cron pattern and its time zone; undefined when nothing is. */
export type ValidatePattern = (pattern: string, timezone: string | undefined) => string | undefined;

/** What the settings of one file's sections have against each other, and what only the outside world can tell. */
export function settingsRules(file: Tree, validatePattern: ValidatePattern): Problem[] {
  return [...checkSchedule(file, validatePattern), ...checkEndpoint(file)];
}

function checkSchedule(file: Tree, validatePattern: ValidatePattern): Problem[] {
  const path = ['refresh', 'schedule'];
  const pattern = textAt(file, path) ?? textAt(file, [...path, 'pattern']);
  if (pattern === undefined) return [];
  const fault = validatePattern(pattern, textAt(file, [...path, 'timezone']));
  if (fault === undefined) return [];
  return [
    invalid(placeOf(file, path), {
      path: path.join('.'),
      message: `expected a cron pattern such as "0 */6 * * *", got ${show(pattern)}: ${fault.slice(0, 120)}`,
    }),
  ];
}

function checkEndpoint(file: Tree): Problem[] {
  const path = ['imds', 'endpoint'];
  const text = textAt(file, path);
  const reading = text === undefined ? {} : readEndpoint(text);
  if (!('value' in reading)) return [];
  const problems: Problem[] = [];
  if (!isKnownEndpoint(reading.value) && find(file, ['imds', 'allow_any_endpoint'])?.value !== true) {
    problems.push(
      invalid(placeOf(file, path), {
        path: path.join('.'),
        message: `expected a loopback address, 169.254.169.254 or [fd00:ec2::254], got ${show(reading.value)}`,
        hint: 'whoever answers there chooses what is written; if that is meant, add allow_any_endpoint: true',
      }),
    );
  }
  if (find(file, ['imds', 'endpoint_mode'])) {
    const message = 'expected endpoint or endpoint_mode, got both: the endpoint counts';
    problems.push(warning(placeOf(file, ['imds', 'endpoint_mode']), { path: 'imds.endpoint_mode', message }));
  }
  return problems;
}
