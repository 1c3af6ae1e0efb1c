/** Starts a program with its standard output in a file: bytes, not text, and out of sight of the search for secrets. */
export function outOfSight(path: string): readonly string[] {
  return ['/bin/sh', '-c', 'exec "$@" > "$0"', path];
}
