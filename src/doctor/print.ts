import { type Finding, SEVERITIES } from '../core/findings.ts';
import type { Unseen } from './contract.ts';
import { count, hanging, type Screen } from '../report/text.ts';

/** Where the packages put it. */
const PAGE = '/usr/share/doc/credrotate/docs/doctor.md';
const STYLES = { error: 'red', unknown: 'yellow', warning: 'yellow', note: 'bold' } as const;

/** For people: a paragraph for each finding, then the unseen parts, and a summary. */
export function printDoctor(
  findings: readonly Finding[],
  unseen: readonly Unseen[],
  isRoot: boolean,
  screen: Pick<Screen, 'paint' | 'width'>,
): string {
  return [
    ...findings.flatMap((found) => [...findingLines(found, screen), '']),
    ...(unseen.length === 0 ? [] : [`not looked at${isRoot ? '' : ' (run it as root to see more)'}:`]),
    ...unseen.flatMap(({ subject, reason }) => hanging('  ', `${subject}: ${reason}`, screen.width)),
    ...(unseen.length === 0 ? [] : ['']),
    summary(findings),
    '',
  ].join('\n');
}

function findingLines(
  { id, severity, subject, problem, evidence, remedy }: Finding,
  { paint, width }: Pick<Screen, 'paint' | 'width'>,
): string[] {
  return [
    `${paint(STYLES[severity], severity.padEnd(8))}${subject}  ${paint('dim', id)}`,
    ...hanging('        ', problem, width),
    ...evidence.flatMap((seen) => hanging('  seen  ', seen, width)),
    ...hanging('  do    ', remedy.text, width),
    // Whole, so that it can be copied.
    ...(remedy.line === undefined ? [] : [`          ${remedy.line}`]),
  ];
}

function summary(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'nothing found';
  const parts = SEVERITIES.flatMap((severity) => {
    const number = findings.filter((found) => found.severity === severity).length;
    return number === 0 ? [] : [count(number, severity)];
  });
  return `${parts.join(', ')}\nmore about each: ${PAGE}`;
}
