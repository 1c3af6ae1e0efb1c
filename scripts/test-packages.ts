// Installs the Debian packages that tests need, of which some are missing.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { PACKAGES } from '../test/support/packages.ts';

const run = promisify(execFile);

if (import.meta.main)
  await installPackages().catch((error: unknown) => {
    console.error(`test:packages: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  });

/** Rejects where one cannot be installed; the message ends with what apt-get said. */
export async function installPackages(): Promise<void> {
  const installed = await Promise.all(PACKAGES.map(isInstalled));
  const missing = PACKAGES.filter((_, index) => installed[index] === false);
  if (missing.length === 0) return;
  const options = ['--yes', '--quiet', '--no-install-recommends', '--option=Acquire::Retries=3'];
  if (process.getuid?.() !== 0)
    throw new Error(`expected the packages ${missing.join(', ')}; do: sudo apt-get install ${missing.join(' ')}`);
  console.log(`installing the packages ${missing.join(', ')} ...`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['--quiet', 'update'], { env });
  await run('apt-get', [...options, 'install', ...missing], { env, maxBuffer: 64 << 20 });
}

async function isInstalled(name: string): Promise<boolean> {
  const query = run('dpkg-query', ['--show', '--showformat=${db:Status-Status}', name]);
  return await query.then(
    ({ stdout }) => stdout === 'installed',
    () => false,
  );
}
