import { isIP } from 'node:net';
import type { Config, ConsumerConfig, SourceConfig } from '../core/config.ts';
import { hostOfUrl } from '../core/endpoint.ts';
import { AgentError } from '../core/errors.ts';
import type { Way } from '../paths/way.ts';

/** The paths that a configuration leads to on this machine. */
export interface Ground {
  /** To the sinks, and to the file of metrics. */
  readonly written: readonly Way[];
  /** Files of consumers that are read, with the targets of their symlinks. */
  readonly pidFiles: readonly Way[];
  /** Of consumers, and what else is read where root alone can change it: tokens. */
  readonly programs: readonly Way[];
}

/** ProtectHome= speaks of these. */
const HOMES = ['/home', '/root', '/run/user'];
/** PrivateTmp= speaks of these. */
const TEMPORARY = ['/tmp', '/var/tmp'];

const HEAD = `# Written by credrotate harden from the configuration. Do it again when that
# changes: credrotate check says so.
# credrotate harden --undo removes it.
[Service]`;

/** A drop-in for the units: opens the directories of the sinks, and closes what the configuration does not need. */
export function dropIn(config: Config, ground: Ground): string {
  const homes = protectHome(ground);
  const openings = outermost(ground.written.map((way) => refuseRoot(way).opening));
  const hidden = homes === 'tmpfs' ? HOMES.filter((path) => !openings.includes(path)) : [];
  const lines = [
    HEAD,
    ...['ProtectSystem=strict', homes === 'tmpfs' ? hide(hidden) : `ProtectHome=${homes}`],
    ...openings.map((path) => openingLine(isIn(path, hidden) ? 'BindPaths' : 'ReadWritePaths', path)),
    ...(usesTemporary(ground) ? [] : ['PrivateTmp=yes']),
    ...(config.consumers.some(isProcess) ? [] : ['ProtectProc=invisible']),
    ...addresses(config),
    'CapabilityBoundingSet=',
    ...[...capabilities(config, ground)].map((name) => `CapabilityBoundingSet=CAP_${name}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** As ProtectHome=tmpfs, but root's alone: with systemd 252 everybody in the unit may make directories there. */
function hide(paths: readonly string[]): string {
  return `TemporaryFileSystem=${paths.map((path) => `${path}:ro,mode=0755`).join(' ')}`;
}

export function outsiders({ written }: Ground, openings: readonly string[]): readonly string[] {
  return written.filter(({ opening }) => !isIn(opening, openings)).map(({ path }) => path);
}

function isIn(path: string, directories: readonly string[]): boolean {
  return directories.some((directory) => path === directory || path.startsWith(`${directory.replace(/\/$/, '')}/`));
}

/** Leaves out paths inside of others, which are opened with them. */
function outermost(paths: readonly string[]): readonly string[] {
  const all = [...new Set(paths)].sort();
  return all.filter((path) => !all.some((other) => other !== path && isIn(path, [other])));
}

function refuseRoot(way: Way): Way {
  if (way.opening !== '/') return way;
  throw new AgentError('SINK_UNSAFE_PATH', `${way.path}: expected a directory to open, got none that is there but /`, {
    hint: `make its directory first: sudo install -d -m 755 ${way.path.slice(0, way.path.lastIndexOf('/'))}`,
  });
}

/**
 * Homes that hold no sink are hidden. Where what is in them is only looked at, leads elsewhere, or is mounted later than
 * we start, they must be seen as they are.
 */
function protectHome({ written, pidFiles, programs }: Ground): 'yes' | 'tmpfs' | 'read-only' {
  const leadsElsewhere = ({ passed, opening }: Way): boolean => passesHomes({ passed }) && !isIn(opening, HOMES);
  const comesLater = ({ opening, worker }: Way): boolean =>
    isIn(opening, ['/run/user']) || (worker === 'remote' && isIn(opening, HOMES));
  if ([...pidFiles, ...programs].some(passesHomes) || written.some((way) => leadsElsewhere(way) || comesLater(way)))
    return 'read-only';
  return written.some(({ opening }) => isIn(opening, HOMES)) ? 'tmpfs' : 'yes';
}

function passesHomes({ passed }: Pick<Way, 'passed'>): boolean {
  return passed.some((path) => isIn(path, HOMES));
}

function usesTemporary({ written, pidFiles, programs }: Ground): boolean {
  return [...written, ...pidFiles, ...programs].some(({ opening, passed }) =>
    [opening, ...passed].some((path) => isIn(path, TEMPORARY)),
  );
}

/** Loopback is for rehearsals, and for containers. A name could be any address, that of STS or of a proxy as well. */
function addresses({ imds: { allowAnyEndpoint, endpoint }, sources }: Config): readonly string[] {
  const hosts = [
    ...(allowAnyEndpoint ? [endpoint === undefined ? '' : hostOf(endpoint)] : []),
    ...sources.flatMap((source) => hostsOf(source)),
  ];
  if (hosts.some((host) => isIP(host) === 0 && host !== 'localhost')) return [];
  const allowed = new Set(['localhost', '169.254.169.254', 'fd00:ec2::254', ...hosts]);
  return ['IPAddressDeny=any', `IPAddressAllow=${[...allowed].join(' ')}`];
}

/** Where a source is asked: an empty name is anywhere. */
function hostsOf(source: SourceConfig): readonly string[] {
  if (source.type === 'file') return [];
  return [source.type === 'container' && source.endpoint !== undefined ? hostOf(source.endpoint) : ''];
}

function hostOf(url: string): string {
  return hostOfUrl(new URL(url));
}

/** See the unit for what each is for. */
function capabilities(config: Config, { written, pidFiles }: Ground): ReadonlySet<string> {
  const needed = new Set<string>();
  const need = (isNeeded: boolean, ...names: readonly string[]): void => {
    if (isNeeded) for (const name of names) needed.add(name);
  };
  const roots = new Set(written.filter(({ worker }) => worker === 'root').map(({ path }) => path));
  const own = config.sinks.filter(({ path }) => roots.has(path));
  const isOfOther = own.some(({ owner }) => !isRoot(owner));
  need(isOfOther || own.some(({ group }) => !isRoot(group)), 'CHOWN');
  need(isOfOther || written.some(({ overrides }) => overrides), 'DAC_OVERRIDE', 'FOWNER');
  // A child that hangs is ended.
  const becomesUser = [...written, ...pidFiles].some(({ worker }) => worker !== 'root');
  need(becomesUser || config.consumers.some(isMatched), 'SETUID', 'SETGID', 'KILL');
  need(config.consumers.some(isSignalled), 'KILL');
  need(config.consumers.some(isLookedInto), 'SYS_PTRACE');
  return needed;
}

function isRoot(name: string | number | undefined): boolean {
  return [undefined, 'root', 0, '0'].includes(name);
}

function isMatched(consumer: ConsumerConfig): boolean {
  return consumer.type === 'signal' && 'process' in consumer.target;
}

/** True if its processes are looked at: to identify them, or to name those that still know old credentials. */
function isProcess({ type }: ConsumerConfig): boolean {
  return type !== 'exec';
}

function isSignalled(consumer: ConsumerConfig): boolean {
  return consumer.type === 'signal' || (consumer.type === 'systemd' && consumer.action === 'kill');
}

/** Whether a signal, or a reload that is one, would end it, or which program it runs, is to be found out. */
function isLookedInto(consumer: ConsumerConfig): boolean {
  return isProcess(consumer) && (isMatched(consumer) || !('handlesSignal' in consumer && consumer.handlesSignal));
}

/** systemd knows several quotes and escapes, and separates the halves of a bind mount by colons. */
const UNWRITABLE = /["'\\:\p{Cc}]/u;

/** The path is one word of a list in which `-` in front of it means: if it is there. */
export function openingLine(setting: 'ReadWritePaths' | 'BindPaths', path: string): string {
  if (UNWRITABLE.test(path)) {
    const message = `${JSON.stringify(path)}: expected a path that a unit file can hold, got one with quotes, colons, backslashes or control characters`;
    throw new AgentError('SINK_UNSAFE_PATH', message, { hint: 'choose another directory, or do without harden' });
  }
  return `${setting}="-${path.replaceAll('%', '%%')}"`;
}

export function openingsOf(text: string): readonly string[] {
  return [...text.matchAll(/^(?:ReadWritePaths|BindPaths)="-(.*)"$/gm)].map(([, path = '']) =>
    path.replaceAll('%%', '%'),
  );
}
