import { basename, dirname, join } from 'node:path';
import { INSTANCE, type AwsCredentialsSink, type DotenvSink, type SinkConfig } from '../../core/config.ts';
import { displayKeyId } from '../../core/credentials.ts';
import { idOf, namesOf, sinkId } from '../../core/sink-id.ts';
import { textOf } from '../../host/tool.ts';
import { readMounts } from '../../paths/mounts.ts';
import { previewSinks } from '../../sinks/apply.ts';
import type { PreviewRequest, SinkPreview } from '../../sinks/contract.ts';
import { readSections } from '../../sinks/formats/aws/sections.ts';
import { forgetSink, loadFormats } from '../../sinks/formats/render.ts';
import type { ProfileFacts, SinkFacts } from '../contract.ts';
import { closedBy, CONFINEMENT, type Properties } from '../judge/sinks.ts';
import { isKeptCompiled, settingFiles, whereNeverChecked } from './opcache.ts';
import { type LookDeps, SAMPLE, show, troubleOfAgent } from './deps.ts';

const UNIT = 'credrotate.service';

export async function lookAtSinks(
  deps: LookDeps,
  options: Pick<PreviewRequest, 'credentials' | 'origin' | 'records'>,
): Promise<readonly SinkFacts[]> {
  const { sinks, trustedGroups, privateVolumes } = deps.config;
  const previews = await previewSinks(deps.sinks, { ...options, rotated: true, sinks, trustedGroups, privateVolumes });
  const byId = new Map(previews.map((preview) => [sinkId(preview), preview]));
  const mounts = new Set(readMounts().map(({ point }) => point));
  const unit = await confinement(deps);
  const profiles = await lookAtProfiles(deps);
  const cachedBy = sinks.some(isKeptCompiled) ? whereNeverChecked(await readFiles(deps, settingFiles())) : undefined;
  const names = namesOf(sinks);
  await loadFormats(sinks);
  return sinks.map((sink, index) => {
    const { path } = sink;
    const name = names[index] ?? path;
    const preview = byId.get(idOf(sink));
    const trouble = troubleOfAgent(deps, path, preview?.error, ['SINK_UNREADABLE', 'SINK_OWNER_DENIED']);
    const closed = unit && closedBy(unit, dirname(path));
    const profile = profiles.get(idOf(sink));
    return {
      path,
      name,
      isMountPoint: mounts.has(path),
      keyIds: keyIdsOf(sink, preview),
      warnings: preview?.warnings ?? [],
      ...(trouble && { trouble }),
      ...(closed !== undefined && { closedBy: closed }),
      ...(cachedBy !== undefined && isKeptCompiled(sink) && { cachedBy }),
      ...(profile && { profile }),
    };
  });
}

function keyIdsOf(sink: SinkConfig, preview: SinkPreview | undefined): readonly string[] {
  const forgotten = preview?.current && forgetSink(preview.current, sink);
  return forgotten?.ok ? [...new Set(forgotten.keyIds.map(displayKeyId))] : [];
}

/** Of the agent's unit, where there is one. */
export async function confinement(deps: LookDeps): Promise<Properties | undefined> {
  const shown = await show(deps, UNIT, CONFINEMENT);
  if (!shown || textOf(shown, 'LoadState') !== 'loaded') return undefined;
  return Object.fromEntries(CONFINEMENT.map((name) => [name, textOf(shown, name)]));
}

const ROOTS = '/root/.aws/credentials';

async function lookAtProfiles(deps: LookDeps): Promise<ReadonlyMap<string, ProfileFacts>> {
  const sinks = deps.config.sinks.filter((sink) => sink.format === 'aws-credentials');
  const texts = await readFiles(
    deps,
    sinks.flatMap(({ path }) => [path, configBeside(path) ?? path]),
  );
  return new Map(
    sinks.map((sink) => [
      idOf(sink),
      { name: sink.profile, isRoots: sink.path === ROOTS, others: othersOf(deps, sink, texts) },
    ]),
  );
}

/** Where SDKs look for settings of the same profile. */
function configBeside(path: string): string | undefined {
  const directory = dirname(path);
  return basename(directory) === '.aws' ? join(directory, 'config') : undefined;
}

const OTHER_WAY =
  /^(role_arn|source_profile|credential_source|credential_process|web_identity_token_file|sso_(session|start_url|account_id|role_name))$/;

function othersOf(
  deps: LookDeps,
  { path, profile }: AwsCredentialsSink,
  texts: ReadonlyMap<string, string>,
): ProfileFacts['others'] {
  const config = configBeside(path);
  const places = [
    [path, profile],
    ...(config === undefined ? [] : [[config, `profile ${profile}`]]),
    ...(config !== undefined && profile === 'default' ? [[config, 'default']] : []),
  ] as const;
  return places.flatMap(([file, section]) => {
    const text = texts.get(file);
    try {
      const { exact } = readSections(text ?? '', section, ({ key }) => OTHER_WAY.test(key));
      return exact.flatMap(({ owned }) => owned.map(({ key, line }) => ({ key, where: `${file}:${line.number}` })));
    } catch {
      deps.miss({ subject: file, reason: 'it is not a file that SDKs agree on' });
      return [];
    }
  });
}

/**
 * Texts of files that may be anybody's, read as a sink at that path would be: with the identity of the path's
 * owner, never a FIFO, never more than a preview keeps. A variable that is in no file makes each one differ from what
 * it should be, so that all of it is read. A file that is missing has no text.
 */
export async function readFiles(deps: LookDeps, paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { trustedGroups, privateVolumes } = deps.config;
  const options = { credentials: SAMPLE, origin: {}, rotated: true, trustedGroups, privateVolumes };
  const previews = await previewSinks(deps.sinks, { ...options, sinks: [...new Set(paths)].map(probe) });
  const texts = new Map<string, string>();
  for (const { path, current, next, error } of previews) {
    if (current) texts.set(path, current.toString().replace(/^\uFEFF/, ''));
    else if (error || !next) deps.miss({ subject: path, reason: error?.message ?? 'it is too large to be looked at' });
  }
  return texts;
}

function probe(path: string): DotenvSink {
  const prefix = 'CREDROTATE_PROBE_';
  const names = {
    accessKeyId: `${prefix}ID`,
    secretAccessKey: `${prefix}KEY`,
    sessionToken: `${prefix}TOKEN`,
    expiration: null,
  };
  const ofAll = { path, source: INSTANCE, mode: 0o600, notify: [] };
  return { ...ofAll, format: 'dotenv', names, prefix, export: false, only: false, comment: false };
}
