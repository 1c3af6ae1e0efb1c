/** Properties of a unit as `systemctl show` prints them, lists joined by blanks. */
export type Properties = Readonly<Record<string, string>>;

/** Those that {@link closedBy} asks for. */
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
/** What each level of ProtectSystem= makes read-only. */
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

/** What is opened again deeper down counts. */
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
