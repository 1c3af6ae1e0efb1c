import { withCommandsBelow, type CommandShape, type Completion, type OptionShape } from './command-line.ts';
import { quote } from './quote.ts';

/** /usr/share/zsh/vendor-completions/_credrotate */
export function zshCompletion(program: CommandShape): string {
  return [HEAD, ...withCommandsBelow(program).map(describe), '_credrotate "$@"', ''].join('\n');
}

function describe(command: CommandShape): string {
  const name = functionName(command.path);
  const specs = [...command.options.map(optionSpec), ...argumentSpecs(command)];
  const call = `_arguments -s -S ${specs.map((spec) => `\\\n        ${spec}`).join(' ')}`;
  if (command.commands.length === 0) return `${name}() {\n    ${call}\n}\n`;
  const names = command.commands.map(({ path, summary }) => quote(`${path.at(-1) ?? ''}:${escape(summary)}`));
  return `${name}() {
    local context state line curcontext="$curcontext"
    local -A opt_args
    ${call} && return
    case $state in
        command)
            local -a commands=(
                ${names.join('\n                ')}
            )
            _describe command commands
            ;;
        arguments) (( ! $+functions[${name}_$words[1]] )) || ${name}_$words[1] ;;
    esac
}
`;
}

function functionName(path: readonly string[]): string {
  return ['_credrotate', ...path].join('_');
}

/** All spellings of an option exclude each other, unless it can be given several times. */
function optionSpec({ names, description, value }: OptionShape): string {
  const before = value?.variadic ? '*' : `(${names.join(' ')})`;
  // With the sign a value may follow it, too.
  const forms = names.map((name) => (value && name.startsWith('--') ? `${name}=` : name));
  const spelled = forms.length > 1 ? `{${forms.join(',')}}` : forms.join('');
  const after = value ? `:${escape(value.name)}:${action(value.completion)}` : '';
  return `${quote(before)}${spelled}${quote(`[${escape(description)}]${after}`)}`;
}

function argumentSpecs({ commands, arguments: [argument] }: CommandShape): string[] {
  if (commands.length > 0) return ["'1: :->command'", "'*:: :->arguments'"];
  if (!argument) return [];
  if (argument.completion.of === 'programs') return ["'(-)1:program: _command_names -e'", "'*::arguments: _normal'"];
  return [quote(`${argument.variadic ? '*' : '1'}:${escape(argument.name)}:${action(argument.completion)}`)];
}

function action(completion: Completion): string {
  if (completion.of === 'words') return `(${completion.words.join(' ')})`;
  return ACTIONS[completion.of];
}

/** One that begins with a blank is called with its own arguments alone. */
const ACTIONS = {
  files: '_files',
  sinks: ' _credrotate_names sinks',
  consumers: ' _credrotate_names consumers',
  units: ' _credrotate_units',
  users: '_users',
  groups: '_groups',
  programs: '_command_names -e',
  nothing: ' ',
} as const;

function escape(text: string): string {
  return text.replace(/[\\[\]:]/g, '\\$&');
}

const HEAD = `#compdef credrotate
# zsh completion for credrotate(1)

# The names that the configuration holds.
_credrotate_names() {
    local -a names config
    local file=\${opt_args[--config]:-$opt_args[-c]}
    [[ -z $file ]] || config=(--config "\${(Q)file}")
    names=(\${(f)"$(_call_program names credrotate completion $1 \${(q)config} 2>/dev/null)"})
    _wanted $1 expl "\${1%s}" compadd -a names
}

_credrotate_units() {
    local -a units
    units=(\${\${(f)"$(_call_program units systemctl --no-legend --no-pager --full list-unit-files 2>/dev/null)"}%% *})
    units=(\${units:#*@.*})
    _wanted units expl unit compadd -a units
}
`;
