import { OwnDirectory } from '../../src/files/own.ts';

/** As the agent sees its own directories, for whoever runs the tests. */
export function ownDirectory(path: string): OwnDirectory {
  return new OwnDirectory(path, { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }, { mode: 0o700 });
}
