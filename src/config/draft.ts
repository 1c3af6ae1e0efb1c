export interface DraftSink {
  readonly format: keyof typeof DRAFTED;
  readonly path: string;
  /** Of the format, as written. */
  readonly settings: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  /** As written; undefined: the default. */
  readonly owner?: string | undefined;
  readonly group?: string | undefined;
  readonly mode?: string | undefined;
  readonly notify: readonly DraftConsumer[];
}

export type DraftConsumer =
  { readonly type: 'systemd'; readonly unit: string } | { readonly type: 'signal'; readonly pidFile: string };

/** The purpose of each format. */
export const DRAFTED = {
  'aws-credentials': 'A profile of a shared credentials file. All else in the file stays as it is.',
  dotenv: 'Lines NAME=value. All other lines stay as they are.',
  json: 'A JSON document, shaped as the metadata service answers.',
  ini: 'Keys in a section of an INI file. All other lines stay as they are.',
  properties: 'Keys in a file of Java. All other lines stay as they are.',
  template: 'A whole file of its own, with values in place of placeholders.',
  value: 'A file that is one value, without a newline.',
} as const;

const HEAD = `# credrotate: which files hold the credentials of this instance's role, and who
# is notified when they change.
# yaml-language-server: $schema=/usr/share/credrotate/credrotate.schema.json
#
# Written by credrotate init. credrotate.yaml(5) describes every setting; what
# is left out has a default.
# Try what you change with: credrotate check

# The files to keep equal to the credentials.
`;

const CONSUMERS = `
# The processes to notify when their files change, by name.
`;

const TAIL = `
# When to look for new credentials, beside shortly before they expire.
#refresh:
#  max_interval: 5m

# How long the start waits for the first credentials before the boot continues.
#startup_wait: 60s
`;

export function draftConfig(sinks: readonly DraftSink[]): string {
  const consumers = nameConsumers(sinks.flatMap(({ notify }) => notify));
  return [
    HEAD,
    'sinks:\n',
    ...sinks.map((sink) => sinkText(sink, consumers)),
    ...(consumers.size > 0 ? [CONSUMERS, 'consumers:\n'] : []),
    ...[...consumers.values()].map(consumerText),
    TAIL,
  ].join('');
}

interface NamedDraft {
  readonly name: string;
  readonly consumer: DraftConsumer;
}

function sinkText(sink: DraftSink, consumers: ReadonlyMap<string, NamedDraft>): string {
  const { format, path, owner, group, mode } = sink;
  const names = sink.notify.map((consumer) => scalar(consumers.get(targetOf(consumer))?.name ?? ''));
  const settings = { ...sink.settings, owner, group, mode };
  return [
    `  # ${DRAFTED[format]}\n`,
    `  - path: ${scalar(path)}\n`,
    `    format: ${format}\n`,
    ...Object.entries(settings).flatMap(([key, value]) => (value === undefined ? [] : settingLines(key, value))),
    ...(names.length === 0 ? [] : [`    notify: [${names.join(', ')}]\n`]),
  ].join('');
}

function settingLines(key: string, value: string | Readonly<Record<string, string>>): string[] {
  if (typeof value === 'string') return [`    ${key}: ${scalar(value)}\n`];
  return [`    ${key}:\n`, ...Object.entries(value).map(([name, one]) => `      ${name}: ${scalar(one)}\n`)];
}

function consumerText({ name, consumer }: NamedDraft): string {
  const target = scalar(targetOf(consumer));
  const lines =
    consumer.type === 'systemd'
      ? ['# Reloaded, or restarted where it cannot reload.', 'type: systemd', `unit: ${target}`]
      : ['# Sent the signal, unless that would end it.', 'type: signal', 'signal: SIGHUP', `pid_file: ${target}`];
  return [`  ${scalar(name)}:\n`, ...lines.map((line) => `    ${line}\n`)].join('');
}

function targetOf(consumer: DraftConsumer): string {
  return consumer.type === 'systemd' ? consumer.unit : consumer.pidFile;
}

/** Consumers by target: two sinks that notify one process have one. Each is named after its unit or its pid file. */
function nameConsumers(consumers: readonly DraftConsumer[]): ReadonlyMap<string, NamedDraft> {
  const named = new Map<string, NamedDraft>();
  for (const consumer of consumers) {
    const target = targetOf(consumer);
    if (named.has(target)) continue;
    const base = baseName(target);
    const taken = [...named.values()].map(({ name }) => name);
    let name = base;
    for (let next = 2; taken.includes(name); next++) name = `${base}-${String(next)}`;
    named.set(target, { name, consumer });
  }
  return named;
}

function baseName(target: string): string {
  const last = target.slice(target.lastIndexOf('/') + 1).replace(/\.[a-z]+$/, '');
  return (
    last
      .replace(/[^A-Za-z0-9_.-]/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 60) || 'consumer'
  );
}

/** Unquoted if YAML 1.1 and 1.2 read a text, or the digits of a mode or an id; else as JSON, which is YAML too. */
function scalar(text: string): string {
  const isBare =
    /^(?:[A-Za-z_/][\w./@+-]*|\d{1,10})$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return isBare ? text : JSON.stringify(text);
}
