import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { EXIT_CODES, EXIT_MEANINGS, exitCodeOfError } from '../src/core/exit.ts';
import { ERROR_CODES, errorsOf, EXPLANATIONS } from '../src/explain/explain.ts';

const TARGET = resolve(import.meta.dirname, '../docs/errors.md');
const DOCTOR = resolve(import.meta.dirname, '../docs/doctor.md');
const FINDINGS = resolve(import.meta.dirname, '../packaging/findings.json');

const INTRODUCTION = `# Errors and exit codes

Every error has a code, and comes with a message and mostly with a hint. \`credrotate explain CODE\` prints what this page
says of a code; \`npm run errors\` makes the page from packaging/explanations.json.`;

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

/** What docs/doctor.md says of each finding, by paragraph, for `credrotate explain`: without its marks. */
export async function renderFindings(): Promise<string> {
  const sections = readFileSync(DOCTOR, 'utf8').split(/^(?=## |### )/m);
  const entries = sections.flatMap((section) => {
    const [, id, body = ''] = /^### `([a-z0-9-]+)`\n([^]*)$/.exec(section) ?? [];
    return id === undefined ? [] : [[id, paragraphs(body)] as const];
  });
  const options = { ...(await resolveConfig(FINDINGS)), parser: 'json' } as const;
  return format(JSON.stringify(Object.fromEntries(entries)), options);
}

/** Commands stay as they are, indented. */
function paragraphs(markdown: string): readonly string[] {
  return markdown
    .trim()
    .split(/\n{2,}/)
    .map((text) => {
      const [, code] = /^```\w*\n([^]*)\n```$/.exec(text) ?? [];
      if (code !== undefined) return code.replace(/^/gm, '  ');
      return text
        .replaceAll(/\s+/g, ' ')
        .replaceAll(/`|\*\*/g, '')
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1');
    });
}

if (import.meta.main) {
  writeFileSync(FINDINGS, await renderFindings());
  writeFileSync(TARGET, await renderErrors());
}
