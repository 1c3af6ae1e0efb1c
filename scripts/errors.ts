import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { exitCodeOfError } from '../src/core/exit.ts';
import { ERROR_CODES, errorsOf, EXPLANATIONS } from '../src/report/explain.ts';
import { EXIT_CODES, EXIT_MEANINGS } from '../src/report/explain-exit.ts';

const TARGET = resolve(import.meta.dirname, '../docs/errors.md');

const INTRODUCTION = `# Errors and exit codes

Every error has a code, and comes with a message and mostly with a hint. \`credrotate explain CODE\` prints what this page
says of a code; \`npm run errors\` makes the page from the same table.`;

/** The page of all errors. */
export async function renderErrors(): Promise<string> {
  const exits = EXIT_CODES.map((code) => `| ${code} | ${EXIT_MEANINGS[code]} | ${links(errorsOf(code))} |`);
  const sections = ERROR_CODES.map((code) => {
    const { means, causes, remedies } = EXPLANATIONS[code];
    const exit = `Exit code ${exitCodeOfError(code)}.`;
    return `### ${code}\n\n${sentence(means)} ${exit}\n\nHow it comes about:\n\n${list(causes)}\n\nWhat to do:\n\n${list(remedies)}`;
  });
  const table = ['| exit code | meaning | errors |', '| --- | --- | --- |', ...exits].join('\n');
  const text = [INTRODUCTION, '## Exit codes', table, ORDER, '## Errors', ...sections].join('\n\n');
  const options = { ...(await resolveConfig(TARGET)), parser: 'markdown', proseWrap: 'always' } as const;
  return format(text, options);
}

const ORDER = 'When several apply, the first of 78, 70, 77, 73, 76, 75, 69, 74 and 64 is given.';

function links(codes: readonly string[]): string {
  return codes.map((code) => `[${code}](#${code.toLowerCase()})`).join(', ');
}

function list(texts: readonly string[]): string {
  return texts.map((text) => `- ${text}`).join('\n');
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

if (import.meta.main) writeFileSync(TARGET, await renderErrors());
