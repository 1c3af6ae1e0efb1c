/**
 * Applies sinks in a process of its own: `apply-child.ts <mode> <path>...`. Modes: `once` prints the outcomes;
 * `journalled` and `staged` stop for ever at that moment, having printed the temp files, to be killed.
 */
import { applySinks } from '../../src/sinks/apply.ts';
import type { Rendered, TempFile } from '../../src/sinks/contract.ts';
import type { Credentials } from '../../src/core/credentials.ts';
import { applyRequest, sinkAt, sinkDeps } from './sinks.ts';

const [mode = '', ...paths] = process.argv.slice(2);
const sinks = paths.map((path) => sinkAt(path, { mode: 0o640 }));
const deps = sinkDeps({ render: renderPadded });
const files = deps.files;

if (mode === 'once') {
  const { outcomes } = await applySinks(deps, applyRequest(sinks));
  process.stdout.write(JSON.stringify(outcomes));
} else {
  let journal: readonly TempFile[] = [];
  const beforeWrite = async (temps: readonly TempFile[]): Promise<void> => {
    journal = temps;
    if (mode === 'journalled') await stop(temps);
  };
  const replace: typeof files.replace = (path, stage) =>
    files.replace(path, async (temp) => {
      await stage(temp);
      await stop(journal);
    });
  await applySinks({ ...deps, files: { replace } }, applyRequest(sinks, { beforeWrite }));
}

/** Long enough that a torn file shows, and ended by what it began with. */
function renderPadded(_existing: Buffer | undefined, { accessKeyId }: Credentials): Rendered {
  return { ok: true, bytes: Buffer.from(`${accessKeyId}\n${'x'.repeat(8_000)}\n${accessKeyId}\n`), warnings: [] };
}

async function stop(temps: readonly TempFile[]): Promise<never> {
  process.stdout.write(`${JSON.stringify(temps)}\n`);
  setInterval(() => undefined, 60_000);
  return await new Promise<never>(() => undefined);
}
