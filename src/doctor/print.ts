import { type Finding, SEVERITIES } from '../core/findings.ts';
import { count, type Look, wrap } from '../report/text.ts';

interface Diagnosis {
  readonly findings: readonly Finding[];
  readonly unseen: readonly { readonly subject: string; readonly reason: string }[];
  /** Whether root looked, who sees everything. */
  readonly isRoot: boolean;
}

type Screen = Omit<Look, 'now'>;

/** Where the packages put it. */
const PAGE = '/usr/share/doc/credrotate/docs/doctor.md';
const STYLES = { error: 'red', unknown: 'yellow', warning: 'yellow', note: 'bold' } as const;

/** For people: a paragraph for each finding, then what could not be looked at, and what it comes to. */
export function printDoctor({ findings, unseen, isRoot }: Diagnosis, screen: Screen): string {
  return [
    ...findings.flatMap((found) => [...findingLines(found, screen), '']),
    ...(unseen.length === 0 ? [] : [`not looked at${isRoot ? '' : ' (run it as root to see more)'}:`]),
    ...unseen.flatMap(({ subject, reason }) => block('  ', `${subject}: ${reason}`, screen)),
    ...(unseen.length === 0 ? [] : ['']),
    summary(findings),
    '',
  ].join('\n');
}

function findingLines({ id, severity, subject, problem, evidence, remedy }: Finding, screen: Screen): string[] {
  const { paint } = screen;
  return [
    `${paint(STYLES[severity], severity.padEnd(8))}${subject}  ${paint('dim', id)}`,
    ...block('        ', problem, screen),
    ...evidence.flatMap((seen) => block('  seen  ', seen, screen)),
    ...block('  do    ', remedy.text, screen),
    // Whole, so that it can be copied.
    ...(remedy.line === undefined ? [] : [`          ${remedy.line}`]),
  ];
}

/** Further lines stand below the first one's text. */
function block(label: string, text: string, { width }: Screen): string[] {
  const indent = ' '.repeat(label.length);
  return wrap(text, width - label.length).map((line, index) => `${index === 0 ? label : indent}${line}`);
}

function summary(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'nothing found';
  const parts = SEVERITIES.flatMap((severity) => {
    const number = findings.filter((found) => found.severity === severity).length;
    return number === 0 ? [] : [count(number, severity)];
  });
  return `${parts.join(', ')}\nmore about each: ${PAGE}`;
}
