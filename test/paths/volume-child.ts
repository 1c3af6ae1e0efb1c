import { openDirectory, makeDirectory } from '../../src/paths/policies.ts';
import { directoryAt } from './looks.ts';

/** Says what each path is to this process where these are its volumes: `VOLUME,VOLUME PATH...`. */
const [volume = '', ...paths] = process.argv.slice(2);
const uid = process.geteuid?.() ?? 0;
const walker = { uid, gid: uid, volumes: volume.split(','), mayWait: uid !== 0 };
for (const path of paths) {
  using found = openDirectory('sink', path, walker);
  process.stdout.write(
    `${directoryAt(path, walker)}${found.kind === 'directory' && found.isVolume ? ', which is a volume' : ''}\n`,
  );
  if (path.endsWith('/made')) makeDirectory('own', path, walker, 0o755)[Symbol.dispose]();
}
