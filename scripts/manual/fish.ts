import { withCommandsBelow, type CommandShape, type Completion, type OptionShape } from './command-line.ts';

/** /usr/share/fish/vendor_completions.d/credrotate.fish */
export function fishCompletion(program: CommandShape): string {
  return [HEAD, ...withCommandsBelow(program).flatMap(describe), ''].join('\n');
}

function describe(command: CommandShape): string[] {
  const inside = condition('__credrotate_in', command.path);
  return [
    ...command.commands.map(({ path, summary }) =>
      complete(condition('__credrotate_at', command.path), `-a ${path.at(-1) ?? ''} -d ${quote(summary)}`),
    ),
    ...command.options.map((option) =>
      complete(
        command.path.length === 0 ? condition('__credrotate_at', []) : inside,
        `${spelled(option)} -d ${quote(option.description)}`,
      ),
    ),
    ...command.arguments.slice(0, 1).map(({ completion }) => complete(inside, values(completion))),
  ];
}

function condition(name: string, path: readonly string[]): string {
  return quote([name, ...path].join(' '));
}

function complete(when: string, what: string): string {
  return `complete -c credrotate -n ${when} ${what}`;
}

function spelled({ names, value }: OptionShape): string {
  const options = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  return [...options, ...(value ? ['-r', values(value.completion)] : [])].join(' ');
}

function values(completion: Completion): string {
  if (completion.of === 'words') return `-a ${quote(completion.words.join(' '))}`;
  return VALUES[completion.of];
}

const VALUES = {
  files: '-F',
  sinks: "-a '(__credrotate_names sinks)'",
  consumers: "-a '(__credrotate_names consumers)'",
  units: "-a '(__credrotate_units)'",
  users: "-a '(__fish_complete_users)'",
  groups: "-a '(__fish_complete_groups)'",
  programs: "-F -a '(__fish_complete_command)'",
  nothing: '',
} as const;

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

const HEAD = `# fish completion for credrotate(1)

# Whether the command line is at a command, and nothing follows yet.
function __credrotate_at
    set -l words (commandline -opc)[2..-1]
    test "$words" = "$argv"
end

# Whether it is in a command, whatever follows.
function __credrotate_in
    set -l words (commandline -opc)[2..-1]
    set -l depth (count $argv)
    test (count $words) -ge $depth; and test "$words[1..$depth]" = "$argv"
end

# The names that the configuration holds.
function __credrotate_names
    set -l words (commandline -opc)
    set -l config
    for i in (seq (count $words))
        switch $words[$i]
            case -c --config
                set config --config $words[(math $i + 1)]
            case '--config=*'
                set config $words[$i]
        end
    end
    credrotate completion $argv $config 2>/dev/null
end

function __credrotate_units
    systemctl --no-legend --no-pager --full list-unit-files 2>/dev/null | string replace -r ' .*' '' | string match -v '*@.*'
end

complete -c credrotate -f`;
