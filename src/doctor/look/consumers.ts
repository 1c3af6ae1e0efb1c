import { show, troubleOfAgent, type LookDeps } from './deps.ts';
import { readFiles } from './sinks.ts';
import type { ConsumerConfig, SinkConfig } from '../../core/config.ts';
import type { ErrorInfo } from '../../core/errors.ts';
import type { Outcome } from '../../core/outcomes.ts';
import { textOf, type Shown } from '../../host/tool.ts';
import { dryRun } from '../../notify/notify.ts';
import { readGroup, unitOf } from '../../notify/proc.ts';
import type { ConsumerFacts, UnitFacts, VariableFacts } from '../contract.ts';
import { SHADOWS } from '../judge/consumers.ts';

export async function lookAtConsumers(deps: LookDeps): Promise<readonly ConsumerFacts[]> {
  const found: ConsumerFacts[] = [];
  // In sequence, since each of them asks systemd.
  for (const consumer of deps.config.consumers) found.push(await lookAt(deps, consumer));
  return found;
}

async function lookAt(deps: LookDeps, consumer: ConsumerConfig): Promise<ConsumerFacts> {
  const { name } = consumer;
  const sinks = deps.config.sinks.filter((sink) => sink.notify.includes(name)).map(sinkOf);
  const request = { consumer, generation: 0, reason: 'manual', paths: [] } as const;
  const { processes, result } = await dryRun(deps.notify, request, deps.signal);
  const unit = await lookAtUnit(deps, consumer, processes);
  const isSaid = processes.some(({ error }) => error) || isFinding(consumer, unit);
  const trouble = isSaid ? undefined : troubleOf(deps, name, result);
  const notifiedBy = howNotified(consumer, unit);
  return { name, sinks, processes, notifiedBy, ...(trouble && { trouble }), ...(unit && { unit }) };
}

function sinkOf(sink: SinkConfig): ConsumerFacts['sinks'][number] {
  const { path, format } = sink;
  return { path, format, ...(sink.format === 'aws-credentials' && { profile: sink.profile }) };
}

const PROPERTIES = ['LoadState', 'CanReload', 'Restart', 'Environment', 'EnvironmentFiles'];

/** The unit of the consumer, or the one that its processes belong to. */
async function lookAtUnit(
  deps: LookDeps,
  consumer: ConsumerConfig,
  processes: ConsumerFacts['processes'],
): Promise<UnitFacts | undefined> {
  const units = consumer.type === 'signal' ? processes.map(({ pid }) => unitOf(readGroup(pid))) : [];
  const name =
    consumer.type === 'systemd' ? consumer.unit : units.find((unit) => unit && unit.user === undefined)?.name;
  const shown = name === undefined ? undefined : await show(deps, name, PROPERTIES);
  if (name === undefined || !shown) return undefined;
  return {
    name,
    action: consumer.type === 'systemd' ? consumer.action : 'kill',
    isThere: textOf(shown, 'LoadState') !== 'not-found',
    canReload: textOf(shown, 'CanReload') === 'yes',
    restart: textOf(shown, 'Restart') || 'no',
    environment: await readEnvironment(deps, shown),
    environmentFiles: filesOf(shown),
  };
}

/** A missing unit, and one that cannot reload, are findings of their own. */
function isFinding({ type }: ConsumerConfig, unit: UnitFacts | undefined): boolean {
  return type === 'systemd' && unit !== undefined && (!unit.isThere || (unit.action === 'reload' && !unit.canReload));
}

function howNotified(consumer: ConsumerConfig, unit: UnitFacts | undefined): ConsumerFacts['notifiedBy'] {
  if (consumer.type === 'exec') return 'hook';
  if (consumer.type === 'signal' || consumer.action === 'kill') return 'signal';
  if (consumer.action === 'try-reload-or-restart') return unit?.canReload === false ? 'restart' : 'reload';
  return consumer.action;
}

function troubleOf(deps: LookDeps, subject: string, result: Outcome | undefined): ErrorInfo | undefined {
  if (result?.result !== 'pending' || result.kind !== 'refused') return undefined;
  return troubleOfAgent(deps, subject, result.error, ['CONSUMER_UNINSPECTABLE']);
}

/** The values of these are no secrets. */
const SHOWN: ReadonlySet<string> = new Set(['AWS_PROFILE', 'AWS_SHARED_CREDENTIALS_FILE']);
const NAMES: ReadonlySet<string> = new Set(SHADOWS);

/** `EnvironmentFiles=/etc/app/aws.env (ignore_errors=no)` */
function filesOf(shown: Shown): readonly string[] {
  const lines = shown.get('EnvironmentFiles') ?? [];
  return lines.map((line) => line.replace(/ \(ignore_errors=\w+\)$/, '')).filter((path) => path.startsWith('/'));
}

/** The variables of a unit that matter to AWS clients: those of the unit, then those of its files. */
async function readEnvironment(deps: LookDeps, shown: Shown): Promise<readonly VariableFacts[]> {
  const files = filesOf(shown);
  const texts = await readFiles(
    deps,
    files.filter((path) => !path.includes('*')),
  );
  const ofUnit = (shown.get('Environment') ?? []).flatMap(words);
  return [
    ...variables('Environment=', ofUnit),
    ...files.flatMap((path) => variables(path, (texts.get(path) ?? '').split(/\r?\n/))),
  ];
}

function variables(from: string, lines: readonly string[]): readonly VariableFacts[] {
  return lines.flatMap((line) => {
    const [, name = '', text = ''] = /^\s*(?:export\s+)?([A-Z_]+)\s*=(.*)$/.exec(line) ?? [];
    if (!NAMES.has(name)) return [];
    return [{ name, from, ...(SHOWN.has(name) && { value: text.trim().replace(/^(["'])(.*)\1$/, '$2') }) }];
  });
}

/** systemctl puts assignments with blanks and the like in quotes. */
function words(text: string): readonly string[] {
  const found = text.match(/\$?"(?:\\.|[^"\\])*"|\$?'(?:\\.|[^'\\])*'|[^\s"']\S*/g) ?? [];
  return found.map((word) => word.replace(/^\$?(["'])(.*)\1$/, '$2'));
}
