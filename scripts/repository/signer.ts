import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Signs with each of the keys. gpg has them, on a card if the maintainers like: none is ever read here. */
export interface Signer {
  /** All keys that clients may meet, armoured. */
  readonly publicKeys: string;
  /** Gives a detached signature, armoured. */
  readonly detached: (file: string, signature: string) => Promise<void>;
  /** The text with its signatures in one file. */
  readonly inline: (file: string, signed: string) => Promise<void>;
  /** Signs a package in place, with the first of the keys: an rpm holds one signature. */
  readonly rpm: (file: string) => Promise<void>;
}

interface SignerOrder {
  readonly keys: readonly string[];
  readonly former?: readonly string[];
  /** Seconds since 1970. */
  readonly date: number;
  readonly keyDirectory?: string;
}

export async function openSigner({ keys, former = [], date, keyDirectory }: SignerOrder): Promise<Signer> {
  const env = { ...process.env, LC_ALL: 'C', ...(keyDirectory === undefined ? {} : { GNUPGHOME: keyDirectory }) };
  // A signature says when it was made: the date of all else, so that it can be made again.
  const always = ['--batch', '--yes', '--digest-algo', 'SHA256', '--faked-system-time', `${String(date)}!`];
  const users = keys.flatMap((key) => ['--local-user', key]);
  const gpg = async (args: readonly string[]): Promise<string> => {
    const { stdout } = await run('gpg', [...always, ...args], { env, maxBuffer: 1 << 24 });
    return stdout;
  };
  const publicKeys = await gpg(['--armor', '--export-options', 'export-minimal', '--export', ...keys, ...former]);
  const count =
    publicKeys === '' ? 0 : (await gpg(['--with-colons', '--list-secret-keys', ...keys])).match(/^sec:/gm)?.length;
  if (count !== keys.length) throw new Error(`expected a secret key of gpg for each of ${keys.join(', ')}`);
  return {
    publicKeys,
    detached: async (file, signature) => {
      await gpg([...users, '--armor', '--output', signature, '--detach-sign', file]);
    },
    inline: async (file, signed) => {
      await gpg([...users, '--output', signed, '--clearsign', file]);
    },
    rpm: async (file) => {
      const macros = {
        __gpg: '/usr/bin/gpg',
        _gpg_name: keys[0] ?? '',
        _gpg_digest_algo: 'sha256',
        _gpg_sign_cmd_extra_args: `--batch --faked-system-time ${String(date)}!`,
      };
      const defines = Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
      await run('rpmsign', ['--addsign', ...defines, file], { env });
    },
  };
}
