import { execFile } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { makeRepository, type RepositoryOrder } from '../../scripts/repository.ts';
import { tempDir } from '../support/temp-dir.ts';

const run = promisify(execFile);

export const DAY = 86_400;

/** Keys of a gpg of this test alone. */
export interface Keys {
  readonly directory: string;
  /** Gives its fingerprint. */
  readonly make: (name: string) => Promise<string>;
}

export function openKeys(t: TestContext): Keys {
  const directory = tempDir(t);
  const env = { ...process.env, GNUPGHOME: directory };
  t.after(async () => {
    await run('gpgconf', ['--kill', 'all'], { env });
  });
  return {
    directory,
    make: async (name) => {
      // Before any date that a repository of the tests has.
      const options = [
        '--batch',
        '--passphrase',
        '',
        '--pinentry-mode',
        'loopback',
        '--faked-system-time',
        '20200101T000000!',
      ];
      await run('gpg', [...options, '--quick-generate-key', name, 'rsa3072', 'sign', 'never'], { env });
      const { stdout } = await run('gpg', ['--batch', '--with-colons', '--list-keys', name], { env });
      return /^fpr:+([0-9A-F]{40}):/m.exec(stdout)?.[1] ?? '';
    },
  };
}

/** A repository as `npm run repository` makes it, of these packages. */
export async function repository(
  t: TestContext,
  keys: Keys,
  order: Partial<RepositoryOrder> & { readonly keys: readonly string[]; readonly packages: readonly string[] },
): Promise<string> {
  const from = tempDir(t);
  for (const file of order.packages) copyFileSync(file, join(from, basename(file)));
  const to = order.to ?? join(tempDir(t), 'repository');
  const date = Math.floor(Date.now() / 1000);
  await makeRepository({
    from: [from],
    to,
    url: 'http://127.0.0.1:8000',
    days: 14,
    date,
    keyDirectory: keys.directory,
    ...order,
  });
  return to;
}

/** Puts a repository in the place of one that is served. */
export function publish(repository: string, served: string): void {
  rmSync(served, { recursive: true, force: true });
  mkdirSync(served, { recursive: true });
  cpSync(repository, served, { recursive: true });
}

/** Has apt ask nobody but the repository of the test: there is no network. */
export function forgetSources(apt: string): void {
  rmSync(join(apt, 'sources.list'), { force: true });
  rmSync(join(apt, 'sources.list.d'), { recursive: true, force: true });
  mkdirSync(join(apt, 'sources.list.d'));
}

/** The commands that the README gives for a kind of system, for a repository on this machine. */
export function readmeCommands(marker: RegExp): string {
  const blocks = [...readFileSync('README.md', 'utf8').matchAll(/```sh\n([^`]*)```/g)].map(([, text]) => text ?? '');
  const block = blocks.find((text) => marker.test(text));
  if (block === undefined) throw new Error(`README.md: expected commands like ${String(marker)}, got none`);
  return block.replaceAll('https://packages.credrotate.example', 'http://127.0.0.1:8000');
}
