/** A first configuration, as text with comments. */

export interface DraftSink {
  readonly format: 'aws-credentials' | 'dotenv' | 'json';
  readonly path: string;
  /** As written; undefined where the default is meant. */
  readonly profile?: string | undefined;
  readonly owner?: string | undefined;
  readonly group?: string | undefined;
  readonly mode?: string | undefined;
  readonly notify: readonly DraftConsumer[];
}

export type DraftConsumer =
  { readonly type: 'systemd'; readonly unit: string } | { readonly type: 'signal'; readonly pidFile: string };

/** What each format is for. */
const ABOUT: Readonly<Record<DraftSink['format'], string>> = {
  'aws-credentials': 'A profile of a shared credentials file. All else in the file stays as it is.',
  dotenv: 'Lines NAME=value. All other lines stay as they are.',
  json: 'A JSON document, shaped as the metadata service answers.',
};

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

# How long the start waits for the first credentials before the boot goes on.
#startup_wait: 60s
`;

export function draftConfig(sinks: readonly DraftSink[]): string {
  const names = nameConsumers(sinks.flatMap(({ notify }) => notify));
  const consumers = [...names].map(([key, name]) => consumerText(name, key));
  return [
    HEAD,
    'sinks:\n',
    ...sinks.map((sink) => sinkText(sink, names)),
    ...(consumers.length > 0 ? [CONSUMERS, 'consumers:\n', ...consumers] : []),
    TAIL,
  ].join('');
}

function sinkText(sink: DraftSink, names: ReadonlyMap<string, string>): string {
  const { format, path, profile, owner, group, mode } = sink;
  const notify = sink.notify.map((consumer) => names.get(keyOf(consumer)) ?? '');
  return [
    `  # ${ABOUT[format]}\n`,
    `  - path: ${scalar(path)}\n`,
    `    format: ${format}\n`,
    ...(format === 'aws-credentials' && profile !== undefined ? [`    profile: ${scalar(profile)}\n`] : []),
    ...(owner === undefined ? [] : [`    owner: ${scalar(owner)}\n`]),
    ...(group === undefined ? [] : [`    group: ${scalar(group)}\n`]),
    ...(mode === undefined ? [] : [`    mode: ${scalar(mode)}\n`]),
    ...(notify.length === 0 ? [] : [`    notify: [${notify.map(scalar).join(', ')}]\n`]),
  ].join('');
}

function consumerText(name: string, key: string): string {
  const [type, target] = partsOf(key);
  const lines =
    type === 'systemd'
      ? ['# Reloaded, or restarted where it cannot reload.', 'type: systemd', `unit: ${scalar(target)}`]
      : [
          '# Sent the signal, unless that would end it.',
          'type: signal',
          'signal: SIGHUP',
          `pid_file: ${scalar(target)}`,
        ];
  return [`  ${scalar(name)}:\n`, ...lines.map((line) => `    ${line}\n`)].join('');
}

/** Two sinks that notify one process have one consumer. */
function keyOf(consumer: DraftConsumer): string {
  return `${consumer.type} ${consumer.type === 'systemd' ? consumer.unit : consumer.pidFile}`;
}

function partsOf(key: string): [type: string, target: string] {
  const blank = key.indexOf(' ');
  return [key.slice(0, blank), key.slice(blank + 1)];
}

/** A name for each, after its unit or its pid file. */
function nameConsumers(consumers: readonly DraftConsumer[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const key of new Set(consumers.map(keyOf))) {
    const base = baseName(partsOf(key)[1]);
    const taken = new Set(names.values());
    let name = base;
    for (let next = 2; taken.has(name); next++) name = `${base}-${String(next)}`;
    names.set(key, name);
  }
  return names;
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

/** What YAML 1.1 and 1.2 take for a text, or for the digits of a mode or an id, stands bare; JSON's way is YAML's too. */
function scalar(text: string): string {
  const isBare =
    /^(?:[A-Za-z_/][\w./@+-]*|\d{1,10})$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return isBare ? text : JSON.stringify(text);
}
