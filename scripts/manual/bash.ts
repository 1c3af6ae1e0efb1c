import { withCommandsBelow, type CommandShape, type Completion } from './command-line.ts';
import { quote } from './quote.ts';

/** /usr/share/bash-completion/completions/credrotate; stands alone too. */
export function bashCompletion(program: CommandShape): string {
  const commands = withCommandsBelow(program);
  return PROGRAM.replace('# GROUPS', () => patterns(commands.filter(isGroup).slice(1).map(nameOf)))
    .replace('        # VALUES', () => arms(valueRows(commands)))
    .replace('        # ARGUMENTS', () => arms(argumentRows(commands)))
    .replace('        # OPTIONS', () => arms(optionRows(commands)));
}

/** A pattern of `case`, and what is assigned when it fits. */
type Row = readonly [pattern: string, action: string];

function isGroup({ commands }: CommandShape): boolean {
  return commands.length > 0;
}

function nameOf({ path }: CommandShape): string {
  return path.join(' ');
}

function valueRows(commands: readonly CommandShape[]): Row[] {
  return commands.flatMap((command) =>
    command.options.flatMap(({ names, value }): Row[] => {
      if (!value) return [];
      const goesOn = value.variadic ? ' goes_on=1' : '';
      return names.map((name) => [`${nameOf(command)} ${name}`, `${assignment(value.completion)}${goesOn}`]);
    }),
  );
}

function argumentRows(commands: readonly CommandShape[]): Row[] {
  return commands.flatMap((command): Row[] => {
    if (isGroup(command)) {
      const words = command.commands.map(({ path }) => path.at(-1) ?? '');
      return [[nameOf(command), assignment({ of: 'words', words })]];
    }
    const [argument] = command.arguments;
    return argument ? [[nameOf(command), assignment(argument.completion)]] : [];
  });
}

function optionRows(commands: readonly CommandShape[]): Row[] {
  return commands.map((command) => {
    const names = command.options.flatMap((option) => option.names);
    return [nameOf(command), `options=${quote(names.join(' '))}`];
  });
}

function assignment(completion: Completion): string {
  return completion.of === 'words' ? `kind=words list=${quote(completion.words.join(' '))}` : `kind=${completion.of}`;
}

function patterns(names: readonly string[]): string {
  return names.map(quote).join(' | ');
}

/** One for each action, with all its patterns. */
function arms(rows: readonly Row[]): string {
  return [...Map.groupBy(rows, ([, action]) => action)]
    .map(([action, same]) => `        ${patterns(same.map(([pattern]) => pattern))}) ${action} ;;`)
    .join('\n');
}

const PROGRAM = `# bash completion for credrotate(1)

_credrotate() {
    local -a words=() config=()
    local i cur path option='' place=0 kind='' list='' options='' goes_on=''

    # --option=value comes as three words.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        [[ \${COMP_WORDS[i]} == '=' && $i -lt $COMP_CWORD ]] || words+=("\${COMP_WORDS[i]}")
    done
    i=$((\${#words[@]} - 1))
    cur=\${words[i]#=}
    path=\${words[1]}
    ((i > 1)) || path=''
    case "$path" in
        # GROUPS) ((i < 3)) || path+=" \${words[2]}" ;;
    esac

    # The nearest option before, and whether it takes what is being typed.
    while ((--i > 0)); do
        [[ \${words[i]} == -* ]] || continue
        [[ $option && \${words[i]} != -- ]] || option=\${words[i]} place=$((\${#words[@]} - 1 - i))
        [[ \${words[i]} != -c && \${words[i]} != --config ]] || config=(--config "\${words[i + 1]/#\\~/$HOME}")
    done
    case "$path $option" in
        # VALUES
    esac
    if [[ ! $kind || ( $place -gt 1 && ! $goes_on ) ]]; then
        kind='' list=''
        case "$path" in
        # ARGUMENTS
        esac
    fi
    case "$path" in
        # OPTIONS
    esac
    _credrotate_reply
}

_credrotate_reply() {
    COMPREPLY=()
    if [[ $cur == -* && $option != -- ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
        return
    fi
    case $kind in
        words) mapfile -t COMPREPLY < <(compgen -W "$list" -- "$cur") ;;
        sinks | consumers) _credrotate_lines < <(credrotate completion "$kind" "\${config[@]}" 2>/dev/null) ;;
        units) _credrotate_lines < <(_credrotate_units) ;;
        users) mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
        groups) mapfile -t COMPREPLY < <(compgen -g -- "$cur") ;;
        files)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            ;;
        programs)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -c -f -- "$cur" | sort -u)
            ;;
    esac
}

# Lines that begin with what is being typed, written so that the shell takes each for one word.
_credrotate_lines() {
    local line word
    while IFS= read -r line; do
        printf -v word %q "$line"
        [[ $line != "$cur"* && $word != "$cur"* ]] || COMPREPLY+=("$word")
    done
}

_credrotate_units() {
    local unit rest
    systemctl --no-legend --no-pager --full list-unit-files 2>/dev/null | while read -r unit rest; do
        [[ $unit == *@.* ]] || printf '%s\\n' "$unit"
    done
}

complete -F _credrotate credrotate
`;
