import errors from '../../packaging/explanations.json' with { type: 'json' };
import findings from '../../packaging/findings.json' with { type: 'json' };
import type { ErrorCode } from '../core/errors.ts';
import { EXIT_CODES, type ExitCode, exitCodeOfError, exitLine } from '../core/exit.ts';
import { hanging, wrap } from '../report/text.ts';

/** Commands are in backquotes. */
interface Explanation {
  readonly means: string;
  readonly causes: readonly string[];
  readonly remedies: readonly string[];
}

export const EXPLANATIONS: Readonly<Record<ErrorCode, Explanation>> = errors;

export const ERROR_CODES: readonly ErrorCode[] = Object.keys(EXPLANATIONS).filter(isErrorCode);

function isErrorCode(name: string): name is ErrorCode {
  return Object.hasOwn(EXPLANATIONS, name);
}

/** The paragraphs of docs/doctor.md on each finding. */
const FINDINGS: Readonly<Record<string, readonly string[]>> = findings;

export const CODES: readonly string[] = [...ERROR_CODES, ...Object.keys(FINDINGS), ...EXIT_CODES.map(String)];

/** An error code in any case, the id of a finding, or an exit code. Undefined for what is none of them. */
export function explainCode(name: string): string | undefined {
  const code = name.toUpperCase().replaceAll('-', '_');
  if (isErrorCode(code)) return ofError(code);
  const id = name.toLowerCase();
  if (Object.hasOwn(FINDINGS, id)) return ofFinding(id, FINDINGS[id] ?? []);
  const exitCode = EXIT_CODES.find((one) => String(one) === name);
  return exitCode === undefined ? undefined : ofExit(exitCode);
}

function ofFinding(id: string, paragraphs: readonly string[]): string {
  const texts = paragraphs.map((text) => (text.startsWith(' ') ? text : wrap(text, WIDTH).join('\n')));
  return `${[id, ...texts].join('\n\n')}\n`;
}

export function listCodes(): string {
  const exits = EXIT_CODES.map((code) => `  ${exitLine(code)}`);
  const ids = Object.keys(FINDINGS).map((id) => `  ${id}`);
  return [...errorLines(ERROR_CODES), '', 'Findings:', ...ids, '', 'Exit codes:', ...exits, ''].join('\n');
}

function ofError(code: ErrorCode): string {
  const { means, causes, remedies } = EXPLANATIONS[code];
  const lines = [
    `${code}: ${means}`,
    '',
    'How it comes about:',
    ...causes.flatMap(item),
    '',
    'What to do:',
    ...remedies.flatMap(item),
    '',
    `Exit code ${exitLine(exitCodeOfError(code))}`,
    '',
  ];
  return lines.join('\n').replaceAll('`', '');
}

function ofExit(exitCode: ExitCode): string {
  const codes = errorsOf(exitCode);
  const errors = codes.length === 0 ? ['No error leads to it.'] : ['Errors that lead to it:', ...errorLines(codes)];
  return [`Exit code ${exitLine(exitCode)}`, '', ...errors, ''].join('\n');
}

export function errorsOf(exitCode: ExitCode): readonly ErrorCode[] {
  return ERROR_CODES.filter((code) => exitCodeOfError(code) === exitCode);
}

/** The longest code is CONSUMER_UNINSPECTABLE. */
const CODE_WIDTH = 22;
const WIDTH = 80;

function errorLines(codes: readonly ErrorCode[]): string[] {
  return codes.flatMap((code) => hanging(`  ${code.padEnd(CODE_WIDTH)}  `, EXPLANATIONS[code].means, WIDTH));
}

function item(text: string): string[] {
  return hanging('  - ', text, WIDTH);
}
