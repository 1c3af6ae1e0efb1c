import { show, type LookDeps } from './deps.ts';
import { readFiles } from './sinks.ts';
import type { ConsumerConfig, SinkConfig, SystemdConsumer } from '../../core/config.ts';
import type { Outcome } from '../../core/outcomes.ts';
import { textOf, type Shown } from '../../host/systemctl.ts';
import { dryRun } from '../../notify/notify.ts';
import { readGroup, unitOf } from '../../notify/proc.ts';
import type { ConsumerFacts, UnitFacts, VariableFacts } from '../contract.ts';
import { SHADOWS } from '../judge/consumers.ts';

export async function lookAtConsumers(deps: LookDeps): Promise<readonly ConsumerFacts[]> {
  const found: ConsumerFacts[] = [];
  // One after another: each has systemd answer.
  for (const consumer of deps.config.consumers) found.push(await lookAt(deps, consumer));
  return found;
}

async function lookAt(deps: LookDeps, consumer: ConsumerConfig): Promise<ConsumerFacts> {
  const { name } = consumer;
  const sinks = deps.config.sinks.filter((sink) => sink.notify.includes(name)).map(sinkOf);
  const request = { consumer, generation: 0, reason: 'manual', paths: [] } as const;
  const { processes, result } = await dryRun(deps.notify, request, deps.signal);
  const common = { name, sinks, processes };
  const trouble = processes.some(({ error }) => error) ? {} : troubleOf(deps, name, result);
  if (consumer.type === 'exec') return { ...common, ...trouble, told: 'hook' };
  if (consumer.type === 'systemd') return { ...common, ...(await lookAtUnit(deps, consumer, trouble)) };
  const units = processes.map(({ pid }) => unitOf(readGroup(pid)));
  const unitName = units.find((one) => one && one.user === undefined)?.name;
  const shown = unitName === undefined ? undefined : await show(deps, unitName, PROPERTIES);
  const unit = shown && unitName !== undefined && (await unitFacts(deps, { unit: unitName, action: 'kill' }, shown));
  return { ...common, ...trouble, told: 'signal', ...(unit && { unit }) };
}

/** A missing unit, and one that cannot reload, are findings of their own. */
async function lookAtUnit(
  deps: LookDeps,
  consumer: SystemdConsumer,
  trouble: Pick<ConsumerFacts, 'trouble'>,
): Promise<Pick<ConsumerFacts, 'told' | 'trouble' | 'unit'>> {
  const shown = await show(deps, consumer.unit, PROPERTIES);
  const unit = shown && (await unitFacts(deps, consumer, shown));
  const isSaid = unit && (!unit.isThere || (consumer.action === 'reload' && !unit.canReload));
  return { ...(isSaid ? {} : trouble), told: howTold(consumer, unit), ...(unit && { unit }) };
}

function sinkOf(sink: SinkConfig): ConsumerFacts['sinks'][number] {
  const { path, format } = sink;
  return { path, format, ...(sink.format === 'aws-credentials' && { profile: sink.profile }) };
}

const PROPERTIES = ['LoadState', 'CanReload', 'Restart', 'Environment', 'EnvironmentFiles'];

async function unitFacts(
  deps: LookDeps,
  { unit: name, action }: Pick<SystemdConsumer, 'unit' | 'action'>,
  shown: Shown,
): Promise<UnitFacts> {
  return {
    name,
    action,
    isThere: textOf(shown, 'LoadState') !== 'not-found',
    canReload: textOf(shown, 'CanReload') === 'yes',
    restart: textOf(shown, 'Restart') || 'no',
    environment: await readEnvironment(deps, shown),
    environmentFiles: filesOf(shown),
  };
}

function howTold({ action }: SystemdConsumer, unit: UnitFacts | undefined): ConsumerFacts['told'] {
  if (action === 'kill') return 'signal';
  if (action === 'try-reload-or-restart') return unit?.canReload === false ? 'restart' : 'reload';
  return action;
}

/** Who is not root may not look where the agent may: that is no trouble of the agent's. */
function troubleOf(deps: LookDeps, subject: string, result: Outcome | undefined): Pick<ConsumerFacts, 'trouble'> {
  if (result?.result !== 'pending' || result.kind !== 'refused') return {};
  const { error: trouble } = result;
  if (deps.notify.self.uid === 0 || trouble.code !== 'CONSUMER_UNINSPECTABLE') return { trouble };
  deps.miss({ subject, reason: trouble.message });
  return {};
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
  const own = (shown.get('Environment') ?? []).flatMap(words);
  return [
    ...variables('Environment=', own),
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
