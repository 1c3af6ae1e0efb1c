import type { ErrorCode } from '../core/errors.ts';
import { exitCodeOfError, type ExitCode } from '../core/exit.ts';
import { OF_AGENT } from './explain-agent.ts';
import { OF_CONSUMERS } from './explain-consumers.ts';
import type { Explanation } from './explain-contract.ts';
import { EXIT_CODES, exitLine } from './explain-exit.ts';
import { OF_LOCKDOWN } from './explain-lockdown.ts';
import { OF_SINKS } from './explain-sinks.ts';
import { OF_CONFIG, OF_SOURCE } from './explain-source.ts';
import { wrap } from './wrap.ts';

/** What every error means, how it comes about, and what to do next. */
export const EXPLANATIONS: Readonly<Record<ErrorCode, Explanation>> = {
  ...OF_CONFIG,
  ...OF_SOURCE,
  ...OF_SINKS,
  ...OF_CONSUMERS,
  ...OF_AGENT,
  ...OF_LOCKDOWN,
};

export const ERROR_CODES: readonly ErrorCode[] = Object.keys(EXPLANATIONS).filter(isErrorCode);

function isErrorCode(name: string): name is ErrorCode {
  return Object.hasOwn(EXPLANATIONS, name);
}

/** Everything that can be explained. */
export const CODES: readonly string[] = [...ERROR_CODES, ...EXIT_CODES.map(String)];

/** An error code in any case, or an exit code. Undefined for what is neither. */
export function explainCode(name: string): string | undefined {
  const code = name.toUpperCase().replaceAll('-', '_');
  if (isErrorCode(code)) return ofError(code);
  const exitCode = EXIT_CODES.find((one) => String(one) === name);
  return exitCode === undefined ? undefined : ofExit(exitCode);
}

/** All of them, a line each. */
export function listCodes(): string {
  return [...errorLines(ERROR_CODES), '', 'Exit codes:', ...EXIT_CODES.map((code) => `  ${exitLine(code)}`), ''].join(
    '\n',
  );
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
  return codes.flatMap((code) =>
    wrap(EXPLANATIONS[code].means, WIDTH - CODE_WIDTH - 4).map(
      (line, index) => `  ${(index === 0 ? code : '').padEnd(CODE_WIDTH)}  ${line}`,
    ),
  );
}

function item(text: string): string[] {
  return wrap(text, WIDTH - 4).map((line, index) => `${index === 0 ? '  - ' : '    '}${line}`);
}
