import { EXIT_CODES, EXIT_MEANINGS } from '../../src/core/exit.ts';
import { withCommandsBelow, type CommandShape, type OptionShape } from './command-line.ts';
import { bold, entry, escape, page, paragraphs, prose, section, subsection, term, verbatim } from './roff.ts';

/** credrotate(8). */
export function programPage(program: CommandShape, version: string): string {
  const commands = program.commands.flatMap(withCommandsBelow);
  return page('credrotate', 8, version, [
    ...section('NAME', 'credrotate \\- keep the AWS credentials of an EC2 role fresh in files'),
    ...section('SYNOPSIS', '.B credrotate', term('<command> [options] [arguments]')),
    ...section('DESCRIPTION', ...paragraphs(...DESCRIPTION)),
    ...section('OPTIONS', ...options(program.options)),
    ...section('COMMANDS', ...commands.flatMap(describe)),
    ...section('CONFIGURATION', ...paragraphs(...CONFIGURATION)),
    ...section('EXIT STATUS', ...EXIT_CODES.flatMap((code) => entry(bold(String(code)), escape(EXIT_MEANINGS[code])))),
    ...paragraphs(...STATUS),
    ...section('SIGNALS', ...table(SIGNALS)),
    ...section('ENVIRONMENT', ...table(ENVIRONMENT)),
    ...section('FILES', ...table(FILES)),
    ...section('EXAMPLES', ...EXAMPLES.flatMap(([what, commands]) => [...paragraphs(what), ...verbatim(commands)])),
    ...section('SEE ALSO', '.BR credrotate.yaml (5),', '.BR systemctl (1),', '.BR namei (1),', '.BR sysexits (3)'),
  ]);
}

function describe(command: CommandShape): string[] {
  return subsection(
    `credrotate ${command.path.join(' ')}`,
    term(command.usage),
    ...paragraphs(command.description),
    ...command.arguments.flatMap((argument) => entry(term(argument.term), prose(argument.description))),
    ...options(command.options.filter(({ names }) => !names.includes('--help'))),
    ...(command.more === '' ? [] : verbatim(command.more)),
  );
}

function options(shapes: readonly OptionShape[]): string[] {
  return shapes.flatMap((option) => entry(term(option.term), prose(option.description)));
}

function table(rows: Readonly<Record<string, string>>): string[] {
  return Object.entries(rows).flatMap(([head, text]) => entry(bold(head), prose(text)));
}

const DESCRIPTION = [
  'credrotate reads the credentials of the role of this EC2 instance from the instance metadata service, keeps the ' +
    'configured files (sinks) equal to them, and notifies the processes that use these files (consumers). It does ' +
    'so before the credentials expire, and at least every five minutes.',
  'Files are replaced as a whole: at every moment a reader sees the old file or the new one, with the configured owner ' +
    'and mode. Everything else in a file stays: other profiles, other variables, comments.',
  '`credrotate run` is the agent; the unit credrotate.service starts it. `credrotate once` makes one pass and ends.',
];

const CONFIGURATION = [
  'The configuration is read from /etc/credrotate/credrotate.yaml, if it exists, and /etc/credrotate/conf.d/*.yaml; ' +
    'credrotate.yaml(5) describes it. `credrotate init` writes a first one, `credrotate check` finds mistakes. ' +
    'It holds no secrets.',
  'Commands that take --aws-credentials, --dotenv or --json-file need no configuration when one of these is given.',
];

const STATUS = [
  'When several apply, the first of 78, 70, 77, 73, 76, 75, 69, 74 and 64 is given. `credrotate explain CODE` says ' +
    'which errors lead to an exit code, and for each error its causes and what to do.',
];

export const SIGNALS: Readonly<Record<string, string>> = {
  SIGHUP: '`credrotate run` reads its configuration again and makes a pass. A wrong configuration changes nothing.',
  'SIGTERM, SIGINT': 'End after the current work. No file is left half written, and no consumer is forgotten.',
};

export const ENVIRONMENT: Readonly<Record<string, string>> = {
  STATE_DIRECTORY:
    'The state between runs, and the lock. Default: /var/lib/credrotate for root, for others credrotate in XDG_STATE_HOME or ~/.local/state.',
  RUNTIME_DIRECTORY:
    'The status and the control socket. Default: /run/credrotate for root, for others credrotate in XDG_RUNTIME_DIR.',
  AWS_EC2_METADATA_DISABLED: 'true: never ask the metadata service.',
  AWS_EC2_METADATA_SERVICE_ENDPOINT: 'Base URL of the metadata service, unless `imds.endpoint` is set.',
  AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: 'IPv4 or IPv6, unless `imds.endpoint_mode` is set.',
  AWS_EC2_INSTANCE_PROFILE_NAME: 'The role to ask for, unless `imds.role` is set.',
  AWS_METADATA_SERVICE_TIMEOUT: 'Seconds that one request may take, unless `imds.timeout` is set.',
  AWS_METADATA_SERVICE_NUM_ATTEMPTS: 'How often a request is tried, unless `imds.attempts` is set.',
  NO_COLOR: 'Set to anything: no colour, not even on a terminal.',
  'NOTIFY_SOCKET, WATCHDOG_USEC, JOURNAL_STREAM':
    'Set by systemd for its services; see sd_notify(3) and systemd.exec(5).',
};

export const FILES: Readonly<Record<string, string>> = {
  '/etc/credrotate/conf.d/*.yaml': 'The configuration, read in name order.',
  '/etc/credrotate/credrotate.yaml': 'Read before these. No package installs it.',
  '/usr/share/credrotate/credrotate.yaml': 'An example with every setting.',
  '/var/lib/credrotate/state.json': 'The state between runs, without secrets. Only root may read it.',
  '/run/credrotate/status.json': 'The status, without secrets. Everybody may read it.',
  '/run/credrotate/control.sock': 'The socket on which a running agent answers `credrotate refresh`.',
  '/usr/share/credrotate/credrotate.schema.json': 'The JSON Schema of the configuration, for editors.',
};

const EXAMPLES: readonly (readonly [what: string, commands: string])[] = [
  [
    'One pass without a configuration, from user data, waiting for a role that arrives late:',
    'credrotate once --wait 5m --aws-credentials /etc/myapp/credentials',
  ],
  [
    'A configuration for an application that reads its file again when it is reloaded:',
    'credrotate init --aws-credentials /etc/myapp/credentials \\\n  --group myapp --mode 0640 --reload myapp.service\ncredrotate check\ncredrotate plan\nsystemctl enable --now credrotate',
  ],
  ['After the credentials leaked and their sessions were revoked:', 'credrotate refresh --notify-all'],
  ['Before an image is made of this machine:', 'systemctl stop credrotate\ncredrotate forget --all'],
];
