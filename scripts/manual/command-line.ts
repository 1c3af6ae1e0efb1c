import type { Argument, Command, Option } from 'commander';
import { CODES } from '../../src/report/explain.ts';

/** What can stand in a place of the command line, for completion. */
export type Completion =
  | { readonly of: 'words'; readonly words: readonly string[] }
  | { readonly of: 'files' | 'sinks' | 'consumers' | 'units' | 'users' | 'groups' | 'programs' | 'nothing' };

export interface OptionShape {
  /** `-c, --config <file>` */
  readonly term: string;
  /** `-c`, `--config` */
  readonly names: readonly string[];
  readonly description: string;
  /** Of an option that takes a value. */
  readonly value?: { readonly name: string; readonly completion: Completion; readonly variadic: boolean };
}

export interface ArgumentShape {
  /** `<path>`, `[sinks...]` */
  readonly term: string;
  readonly name: string;
  readonly description: string;
  readonly completion: Completion;
  readonly variadic: boolean;
}

export interface CommandShape {
  /** Without the program: `['lockdown', 'apply']`; empty for the program itself. */
  readonly path: readonly string[];
  readonly usage: string;
  readonly summary: string;
  readonly description: string;
  /** What `--help` says beyond the lists. */
  readonly more: string;
  readonly options: readonly OptionShape[];
  readonly arguments: readonly ArgumentShape[];
  readonly commands: readonly CommandShape[];
}

/** What `--help` shows, as data. */
export function shapeOf(command: Command, path: readonly string[] = []): CommandShape {
  const help = command.createHelp();
  const visible = help.visibleCommands(command).filter((one) => one.name() !== 'help');
  return {
    path,
    usage: help.commandUsage(command),
    summary: command.summary() || command.description(),
    description: command.description(),
    more: path.length === 0 ? '' : textAfterHelp(command),
    options: help.visibleOptions(command).map((option) => optionShape(option, help.optionDescription(option))),
    arguments: command.registeredArguments.map((argument) =>
      argumentShape(argument, path, help.argumentDescription(argument)),
    ),
    commands: visible.map((one) => shapeOf(one, [...path, one.name()])),
  };
}

/** The command and all below it. */
export function withCommandsBelow(command: CommandShape): readonly CommandShape[] {
  return [command, ...command.commands.flatMap(withCommandsBelow)];
}

/** What addHelpText gave it. */
function textAfterHelp(command: Command): string {
  const texts: string[] = [];
  command.configureOutput({ writeOut: (text) => texts.push(text) }).outputHelp();
  return texts.join('').slice(command.helpInformation().length).trim();
}

function optionShape(option: Option, description: string): OptionShape {
  const names = [option.short, option.long].filter((name) => name !== undefined);
  const shape = { term: option.flags, names, description };
  const placeholder = /[<[]([\w-]+)/.exec(option.flags)?.[1];
  if (placeholder === undefined) return shape;
  const completion = completionOf(placeholder, option.argChoices);
  return { ...shape, value: { name: placeholder, completion, variadic: option.variadic } };
}

function argumentShape(argument: Argument, path: readonly string[], description: string): ArgumentShape {
  const name = argument.name();
  const inner = argument.variadic ? `${name}...` : name;
  return {
    term: argument.required ? `<${inner}>` : `[${inner}]`,
    name,
    description,
    completion: ARGUMENTS[[...path, name].join(' ')] ?? completionOf(name, argument.argChoices),
    variadic: argument.variadic,
  };
}

/** Paths that are not those of files. */
const ARGUMENTS: Readonly<Record<string, Completion>> = {
  'forget paths': { of: 'sinks' },
  'get path': { of: 'nothing' },
};

/** By the name of the placeholder. */
const BY_NAME: Readonly<Record<string, Completion>> = {
  file: { of: 'files' },
  path: { of: 'files' },
  directory: { of: 'files' },
  sink: { of: 'sinks' },
  sinks: { of: 'sinks' },
  consumer: { of: 'consumers' },
  consumers: { of: 'consumers' },
  unit: { of: 'units' },
  user: { of: 'users' },
  group: { of: 'groups' },
  command: { of: 'programs' },
  code: { of: 'words', words: CODES },
};

function completionOf(name: string, choices: readonly string[] | undefined): Completion {
  return choices ? { of: 'words', words: choices } : (BY_NAME[name] ?? { of: 'nothing' });
}
