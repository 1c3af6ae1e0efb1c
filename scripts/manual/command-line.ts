import type { Argument, Command, Option } from 'commander';

export interface OptionShape {
  /** `-c, --config <file>` */
  readonly term: string;
  /** `-c`, `--config` */
  readonly names: readonly string[];
  readonly description: string;
}

export interface ArgumentShape {
  /** `<path>`, `[sinks...]` */
  readonly term: string;
  readonly description: string;
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
      argumentShape(argument, help.argumentDescription(argument)),
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

function optionShape({ short, long, flags: term }: Option, description: string): OptionShape {
  return { term, names: [short, long].filter((name) => name !== undefined), description };
}

function argumentShape(argument: Argument, description: string): ArgumentShape {
  const inner = argument.variadic ? `${argument.name()}...` : argument.name();
  return { term: argument.required ? `<${inner}>` : `[${inner}]`, description };
}
