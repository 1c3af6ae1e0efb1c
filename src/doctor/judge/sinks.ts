import { finding, type Finding, findingOf, found } from '../../core/findings.ts';
import type { ProfileFacts, SinkFacts } from '../contract.ts';

/** Sinks that cannot be written where they are, or not from where the agent runs. */
export function judgeSink(sink: SinkFacts): readonly Finding[] {
  return found(
    judgeTrouble(sink),
    judgeWarnings(sink),
    judgeCache(sink),
    judgeMount(sink),
    judgeConfinement(sink.path, sink.closedBy),
  );
}

function judgeCache({ name, cachedBy }: SinkFacts): Finding | undefined {
  if (cachedBy === undefined) return undefined;
  return finding('sink-cached', 'warning', name, {
    problem: 'PHP keeps this file as it read it first, and nobody is notified when it changes',
    evidence: [cachedBy],
    remedy: {
      text: 'notify a consumer that reloads PHP-FPM',
      line: '{ type: systemd, unit: php8.2-fpm.service, action: reload }',
    },
  });
}

function judgeWarnings({ name, warnings }: SinkFacts): Finding | undefined {
  if (warnings.length === 0) return undefined;
  return finding('sink-warning', 'warning', name, {
    problem: 'a pass writes this sink, and warns',
    evidence: warnings,
    remedy: { text: 'change the file or the configuration as they say' },
  });
}

function judgeTrouble({ name, trouble, profile }: SinkFacts): Finding | undefined {
  // Said in full as profile-shadowed.
  if (!trouble || (trouble.code === 'SINK_FORMAT_REFUSED' && profile && profile.others.length > 0)) return undefined;
  return findingOf('sink-refused', { subject: name, problem: 'a pass will not write this sink' }, trouble);
}

function judgeMount({ path, isMountPoint }: SinkFacts): Finding | undefined {
  if (!isMountPoint) return undefined;
  return finding('sink-mounted', 'error', path, {
    problem: 'the file is mounted by itself: it cannot be replaced, and who has it mounted keeps the old one',
    evidence: [`/proc/self/mountinfo has a mount at ${path}`],
    remedy: { text: `mount the directory instead, and keep the sink inside it: ${path.replace(/\/[^/]*$/, '')}` },
  });
}

export function judgeConfinement(path: string, closedBy: string | undefined): Finding | undefined {
  if (closedBy === undefined) return undefined;
  return finding('sink-confined', 'error', path, {
    problem: "the agent's unit is confined away from this sink",
    evidence: [`systemctl show credrotate.service: ${closedBy}`],
    remedy: { text: "open the sinks' directories to it", line: 'sudo credrotate harden' },
  });
}

/** Profiles whose keys other settings hide, and a profile that hides other settings. */
export function judgeProfile({ path, profile }: SinkFacts): readonly Finding[] {
  return profile ? found(judgeShadows(path, profile), judgeDefault(path, profile)) : [];
}

function judgeShadows(subject: string, { name, others }: ProfileFacts): Finding | undefined {
  if (others.length === 0) return undefined;
  // Most SDKs take static keys before a program, and then it is the program that is never asked.
  const isHarmless = others.every(({ key }) => key === 'credential_process');
  return finding('profile-shadowed', isHarmless ? 'warning' : 'error', subject, {
    problem: isHarmless
      ? `SDKs disagree on whether profile ${name} means its keys or its credential_process`
      : `SDKs get the credentials of profile ${name} another way, and do not use its keys`,
    evidence: others.map(({ key, where }) => `${where}: ${key}`),
    remedy: { text: 'give the sink a profile of its own, or remove those lines', line: 'profile: role-keys' },
  });
}

function judgeDefault(subject: string, { name, isRoots }: ProfileFacts): Finding | undefined {
  if (name !== 'default' || !isRoots) return undefined;
  return finding('default-profile', 'warning', subject, {
    problem: "every AWS tool that root runs takes these keys, whatever the instance's role would give it",
    evidence: [`the sink writes [default] of root's own credentials file`],
    remedy: {
      text: 'use another profile and name it to the application (AWS_PROFILE=app), or another file',
      line: 'profile: app',
    },
  });
}

/** Properties of a unit as `systemctl show` prints them, lists joined by blanks. */
export type Properties = Readonly<Record<string, string>>;

/** The properties that {@link closedBy} needs. */
export const CONFINEMENT = [
  'LoadState',
  'ProtectHome',
  'ProtectSystem',
  'PrivateTmp',
  'InaccessiblePaths',
  'ReadOnlyPaths',
  'ReadWritePaths',
  'BindPaths',
  'TemporaryFileSystem',
] as const;

const HOMES = ['/home', '/root', '/run/user'];
/** The paths that each level of ProtectSystem= makes read-only. */
const SYSTEM: Readonly<Record<string, readonly string[]>> = {
  yes: ['/usr', '/boot', '/efi'],
  full: ['/usr', '/boot', '/efi', '/etc'],
  strict: ['/'],
};

/** The setting that keeps a unit from writing below a directory; undefined when none does. */
export function closedBy(unit: Properties, directory: string): string | undefined {
  const isBelow = (paths: readonly string[]): boolean => paths.some((path) => contains(path, directory));
  if (isBelow(listOf(unit, 'BindPaths'))) return undefined;
  const home = unit['ProtectHome'] ?? 'no';
  if ((home === 'yes' || home === 'tmpfs') && isBelow(HOMES)) return `ProtectHome=${home}`;
  if (unit['PrivateTmp'] === 'yes' && isBelow(['/tmp', '/var/tmp'])) return 'PrivateTmp=yes';
  for (const name of ['TemporaryFileSystem', 'InaccessiblePaths']) {
    const path = listOf(unit, name).find((one) => contains(one, directory));
    if (path !== undefined) return `${name}=${path}`;
  }
  return readOnlyBy(unit, directory);
}

/** A directory below a closed one may be opened again. */
function readOnlyBy(unit: Properties, directory: string): string | undefined {
  const system = unit['ProtectSystem'] ?? 'no';
  const closed: readonly (readonly [path: string, setting: string])[] = [
    ...(unit['ProtectHome'] === 'read-only' ? HOMES.map((path) => [path, 'ProtectHome=read-only'] as const) : []),
    ...(SYSTEM[system] ?? []).map((path) => [path, `ProtectSystem=${system}`] as const),
    ...listOf(unit, 'ReadOnlyPaths').map((path) => [path, `ReadOnlyPaths=${path}`] as const),
  ];
  const opened = listOf(unit, 'ReadWritePaths').filter((path) => contains(path, directory));
  const depth = Math.max(-1, ...opened.map((path) => path.length));
  return closed.find(([path]) => contains(path, directory) && path.length > depth)?.[1];
}

/**
 * systemd marks paths that may be missing with a minus, and such below the root directory with a plus; it quotes those with
 * blanks as a shell would.
 */
function listOf(unit: Properties, name: string): readonly string[] {
  const words = [...(unit[name] ?? '').matchAll(/"((?:\\.|[^"\\])*)"|(\S+)/g)];
  return words
    .map(([, quoted, plain = '']) => quoted?.replace(/\\(.)/g, '$1') ?? plain)
    .map((path) => path.replace(/^[-+]+/, '').split(':')[0] ?? '');
}

function contains(path: string, directory: string): boolean {
  return path === '/' || directory === path || directory.startsWith(`${path}/`);
}
