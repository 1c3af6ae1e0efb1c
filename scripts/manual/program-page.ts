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
    'configured files (sinks) equal to them, and tells the processes that depend on these files (consumers). It does ' +
    'so before the credentials expire, and at least every five minutes.',
  'Files are replaced as a whole: at every moment a reader sees the old file or the new one, with the configured owner ' +
    'and mode. Formats keep all that is not theirs: other profiles, other variables, comments.',
  '`credrotate run` is the agent; the unit credrotate.service starts it. `credrotate once` makes one pass and ends.',
];

const CONFIGURATION = [
  'The configuration is read from /etc/credrotate/conf.d/*.yaml, and from /etc/credrotate/credrotate.yaml where that is there; ' +
    'credrotate.yaml(5) describes it. `credrotate init` writes a first one, `credrotate check` looks it through. ' +
    'It holds no secrets.',
  'Commands that take --aws-credentials, --dotenv or --json-file need no configuration when one of these is given.',
];

const STATUS = [
  'When several apply, the first of 78, 70, 77, 73, 76, 75, 69, 74 and 64 is given. `credrotate explain CODE` says ' +
    'which errors lead to an exit code, and of each error how it comes about and what to do.',
];

const SIGNALS: Readonly<Record<string, string>> = {
  SIGHUP: '`credrotate run` reads its configuration again and makes a pass. A wrong configuration changes nothing.',
  'SIGTERM, SIGINT': 'End after the work at hand. No file is left half written, and no consumer is forgotten.',
};

const ENVIRONMENT: Readonly<Record<string, string>> = {
  STATE_DIRECTORY:
    'What is remembered between runs, and the lock. Default: /var/lib/credrotate for root, for others credrotate in XDG_STATE_HOME or ~/.local/state.',
  RUNTIME_DIRECTORY:
    'The status and the control socket. Default: /run/credrotate for root, for others credrotate in XDG_RUNTIME_DIR.',
  AWS_EC2_METADATA_DISABLED: 'true: the metadata service is not asked.',
  AWS_EC2_METADATA_SERVICE_ENDPOINT: 'Base URL of the metadata service, where `imds.endpoint` is left out.',
  AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: 'IPv4 or IPv6, where `imds.endpoint_mode` is left out.',
  AWS_EC2_INSTANCE_PROFILE_NAME: 'The role to ask for, where `imds.role` is left out.',
  AWS_METADATA_SERVICE_TIMEOUT: 'Seconds that one request may take, where `imds.timeout` is left out.',
  AWS_METADATA_SERVICE_NUM_ATTEMPTS: 'How often a request is tried, where `imds.attempts` is left out.',
  NO_COLOR: 'Set to anything: no colour, on a terminal neither.',
  'NOTIFY_SOCKET, WATCHDOG_USEC, JOURNAL_STREAM':
    'Set by systemd for its services; see sd_notify(3) and systemd.exec(5).',
};

const FILES: Readonly<Record<string, string>> = {
  '/etc/credrotate/conf.d/*.yaml': 'The configuration, in name order.',
  '/etc/credrotate/credrotate.yaml': 'Read before these. No package installs it.',
  '/usr/share/credrotate/credrotate.yaml': 'An example with every setting.',
  '/var/lib/credrotate/state.json': 'What is remembered: no secrets. Only root may read it.',
  '/run/credrotate/status.json': 'The status, for everybody to read: no secrets.',
  '/run/credrotate/control.sock': 'Where a running agent takes `credrotate refresh`.',
  '/usr/share/credrotate/credrotate.schema.json': 'The JSON Schema of the configuration, for editors.',
};

const EXAMPLES: readonly (readonly [what: string, commands: string])[] = [
  [
    'One pass without a configuration, from user data, waiting for a role that arrives late:',
    'credrotate once --wait 5m --aws-credentials /root/.aws/credentials',
  ],
  [
    'A configuration for an application that reads variables and is reloaded:',
    'credrotate init --dotenv /etc/myapp/aws.env --group myapp \\\n  --mode 0640 --reload myapp.service\ncredrotate check\ncredrotate plan\nsystemctl enable --now credrotate',
  ],
  ['After the credentials leaked and their sessions were revoked:', 'credrotate refresh --notify-all'],
  ['Before an image is made of this machine:', 'systemctl stop credrotate\ncredrotate forget --all'],
];
