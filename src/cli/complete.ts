import type { Command, Option } from 'commander';
import { INSTANCE, type Config } from '../core/config.ts';
import { EXIT, type ExitCode } from '../core/exit.ts';
import { namesOf } from '../core/sink-id.ts';
import { systemctl, hasSystemd } from '../host/tool.ts';
import { DEFAULT_CONFIG } from './options.ts';
import type { Run, World } from '../agent/world.ts';

/** Shells call it while somebody types, so it prints no errors. */
export function addComplete(program: Command, run: Run): void {
  program
    .enablePositionalOptions()
    .command('complete', { hidden: true })
    .argument('<shell>', 'bash, zsh or fish')
    .argument('[words...]', 'the command line as it was typed, up to the cursor')
    .passThroughOptions()
    .description('Print the words that fit at the cursor, a line each; :files where the shell completes files.')
    .action((shell: string, words: readonly string[]) => run((world) => complete(world, program, shell, words)));
}

/**
 * Shells write candidates into command lines, some of them unquoted: none may hold characters that shells interpret.
 */
const HARMLESS = /^[\w./@:+-]+$/;

async function complete(world: World, program: Command, shell: string, words: readonly string[]): Promise<ExitCode> {
  const line = parse(program, shell === 'bash' ? glued(words) : words);
  const found = await candidates(world, line);
  world.print(found === 'files' ? ':files\n' : fitting(found, line, shell));
  return EXIT.done;
}

function fitting(found: readonly string[], { typed, before }: TypedLine, shell: string): string {
  const words = [...new Set(found)].filter((word) => word.startsWith(typed) && HARMLESS.test(word));
  // Bash completes the part after the last of its own separators.
  const [kept, cut] = shell === 'bash' ? ['', typed.lastIndexOf(':') + 1] : [before, 0];
  return words.map((word) => `${kept}${word.slice(cut)}\n`).join('');
}

/** Bash gives `--option=value` and `a:b` as three words. */
function glued(words: readonly string[]): readonly string[] {
  return words.reduce<readonly string[]>((all, word, index) => {
    const isOne = index > 0 && (/^[=:]+$/.test(word) || /^[=:]+$/.test(words[index - 1] ?? ''));
    return isOne ? [...all.slice(0, -1), `${all.at(-1) ?? ''}${word}`] : [...all, word];
  }, []);
}

interface TypedLine {
  readonly command: Command;
  /** The option whose value is being typed. */
  readonly option?: Option | undefined;
  /** `--option=` in front of what is being typed. */
  readonly before: string;
  readonly typed: string;
  readonly config: string;
  /** After `--` nothing is an option. */
  readonly isOver: boolean;
}

function parse(program: Command, words: readonly string[]): TypedLine {
  let line: TypedLine = { command: program, before: '', typed: '', config: DEFAULT_CONFIG, isOver: false };
  for (const word of words.slice(0, -1)) line = after(line, word);
  const typed = words.at(-1) ?? '';
  const [, before = '', name = '', value = ''] = /^((--[\w-]+)=)(.*)$/s.exec(typed) ?? [];
  return before === '' || line.isOver
    ? { ...line, typed }
    : { ...line, before, typed: value, option: optionOf(line.command, name) };
}

/** The line with one more whole word. */
function after(line: TypedLine, word: string): TypedLine {
  const { command, option, isOver } = line;
  if (!isOver && word.startsWith('-')) {
    const [name = '', value] = word.split('=', 2);
    const next = optionOf(command, name);
    const config = name === '--config' && value !== undefined ? value : line.config;
    const awaited = value === undefined && takesValue(next) ? next : undefined;
    return { ...line, config, isOver: word === '--', option: awaited };
  }
  if (option) {
    const config = option.long === '--config' ? word : line.config;
    return { ...line, config, option: option.variadic ? option : undefined };
  }
  return { ...line, command: commandsOf(command).find((one) => one.name() === word) ?? command };
}

function takesValue(option: Option | undefined): boolean {
  return option !== undefined && (option.required || option.optional);
}

function optionOf(command: Command, name: string): Option | undefined {
  return optionsOf(command).find(({ short, long }) => name === short || name === long);
}

function optionsOf(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command);
}

function commandsOf(command: Command): readonly Command[] {
  const visible = command.createHelp().visibleCommands(command);
  return visible.filter((one) => one.name() !== 'help');
}

async function candidates(world: World, line: TypedLine): Promise<readonly string[] | 'files'> {
  const { command, option, typed, isOver } = line;
  if (option && !typed.startsWith('-')) return await valuesOf(world, line, option.argChoices ?? placeholderOf(option));
  if (typed.startsWith('-') && !isOver)
    return optionsOf(command).flatMap(({ short, long }) => [short ?? [], long ?? []].flat());
  const inner = commandsOf(command);
  if (inner.length > 0) return inner.map((one) => one.name());
  const [argument] = command.registeredArguments;
  if (!argument) return [];
  const placeholder = ARGUMENTS[`${command.name()} ${argument.name()}`] ?? argument.name();
  return await valuesOf(world, line, argument.argChoices ?? placeholder);
}

function placeholderOf({ flags }: Option): string {
  return /[<[]([\w-]+)/.exec(flags)?.[1] ?? '';
}

/** Arguments whose placeholder means something else than in other commands. */
const ARGUMENTS: Readonly<Record<string, string>> = { 'forget sinks': 'sink', 'get path': 'metadata' };
const FILES: readonly string[] = ['file', 'path', 'directory', 'command'];

/** By the name of the placeholder, or of choices. */
async function valuesOf(
  world: World,
  line: TypedLine,
  of: string | readonly string[],
): Promise<readonly string[] | 'files'> {
  if (typeof of !== 'string') return of;
  if (FILES.includes(of)) return 'files';
  if (of === 'unit') return await unitsOf(world);
  if (of === 'code') return (await import('../explain/explain.ts')).CODES;
  const names = Object.hasOwn(NAMES, of) ? NAMES[of] : undefined;
  if (!names) return [];
  const { loadConfig } = await import('../config/load.ts');
  const options = { uid: world.uid, validatePattern: () => undefined, isTextAlone: true };
  const result = loadConfig(line.config, options);
  return result.ok ? names(result.config) : [];
}

const NAMES: Readonly<Record<string, (config: Config) => readonly string[]>> = {
  source: ({ sources }) => [INSTANCE, ...sources.map(({ name }) => name)],
  sink: ({ sinks }) => namesOf(sinks),
  consumer: ({ consumers }) => consumers.map(({ name }) => name),
  profile: ({ sinks }) => sinks.flatMap((sink) => (sink.format === 'aws-credentials' ? [sink.profile] : [])),
};

const PATIENCE_MS = 300;
const KEEP = 262_144;

async function unitsOf(world: World): Promise<readonly string[]> {
  const services = await world.services();
  if (!hasSystemd(services)) return [];
  const args = ['--no-legend', '--full', 'list-unit-files'];
  const { output } = await systemctl(services, args, { timeoutMs: PATIENCE_MS, signal: world.stop, keep: KEEP });
  const names = output.split('\n').map((line) => line.split(' ', 1)[0] ?? '');
  return names.filter((name) => !name.includes('@.'));
}
