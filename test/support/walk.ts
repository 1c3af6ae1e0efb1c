import assert from 'node:assert/strict';
import type { Block } from './pages.ts';

/** Runs what a page shows: `$ command`, and below it what it prints. */

export interface Step {
  readonly command: string;
  /** Empty where the page shows nothing: then it may print what it likes. */
  readonly shown: readonly string[];
}

interface Outcome {
  readonly code: number;
  readonly output: string;
}

/** Runs a script of sh to its end, and gives both streams together. */
export type Shell = (script: string) => Promise<string>;

export function stepsOf({ place, text }: Block): readonly Step[] {
  const steps: { command: string; shown: string[] }[] = [];
  for (const line of text.split('\n')) {
    const last = steps.at(-1);
    if (line.startsWith('$ ')) steps.push({ command: line.slice(2), shown: [] });
    else if (last === undefined) throw new Error(`${place}: expected a command after "$ ", got ${line}`);
    else if (last.command.endsWith('\\')) last.command += `\n${line}`;
    else last.shown.push(line);
  }
  return steps;
}

/** The commands of a block share one shell; each must succeed, and print what is shown. Gives all that was printed. */
export async function walk(block: Block, shell: Shell): Promise<string> {
  const steps = stepsOf(block);
  const printed = await shell(scriptOf(steps));
  const outcomes = outcomesOf(printed);
  for (const [index, { command, shown }] of steps.entries()) {
    const { code, output } = outcomes[index] ?? { code: -1, output: 'it was not reached' };
    const message = `${block.place}: ${command}\n${output}`;
    assert.equal(code, 0, message);
    if (shown.length > 0 && !isShown(shown, output)) assert.equal(output, shown.join('\n'), message);
  }
  return printed;
}

const MARK = '--- the command ended with ';

function scriptOf(steps: readonly Step[]): string {
  return steps.map(({ command }) => `{ ${command}\n} 2>&1; printf '\\n${MARK}%s\\n' $?`).join('\n');
}

function outcomesOf(printed: string): readonly Outcome[] {
  const parts = printed.split(new RegExp(`\\n${MARK}(\\d+)\\n`));
  return parts.flatMap((output, index) => (index % 2 === 0 ? [{ output, code: Number(parts[index + 1] ?? -1) }] : []));
}

/** Loosely: numbers, durations, ends of keys and lengths of bars differ, what was overwritten on a terminal is gone; `...` is any text, and alone any lines. */
export function isShown(shown: readonly string[], output: string): boolean {
  const pattern = shown
    .map((line) => (line.trim() === '...' ? '(?:.*\n)*?' : `${levelled(line).split('...').map(escaped).join('.*')}\n`))
    .join('');
  return new RegExp(`^${pattern}$`).test(`${levelled(output.trimEnd())}\n`);
}

function levelled(text: string): string {
  return text
    .replace(/\r+\n/g, '\n')
    .replace(/[^\n]*\r/g, '')
    .replace(/…[A-Z0-9]{4}\b/g, '…KEYS')
    .replace(/\bi-[0-9a-f]{17}\b/g, 'i-ID')
    .replace(/[━─]+/g, '━')
    .replace(/\d+ (?:h|min|s)(?: \d+ (?:min|s))?\b/g, '0 s')
    .replace(/\d+/g, '0')
    .replace(/ +/g, ' ')
    .replace(/ $/gm, '');
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
