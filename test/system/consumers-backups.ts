import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Machine } from './machine.ts';
import { SINKS } from './consumers-scene.ts';

/** Programs that are run for a moment and read an object of S3 with the keys of a file. */

const S3_UNIT = `[Service]
DynamicUser=yes
ExecStart=/opt/s3/node /opt/s3/consumers-s3-child.ts 9000
`;

const RCLONE = `[s3]
type = s3
provider = Other
env_auth = true
profile = backup
endpoint = http://127.0.0.1:9000
region = us-east-1
`;

const S3CMD = `[default]
host_base = 127.0.0.1:9000
host_bucket = 127.0.0.1:9000
use_https = False
`;

/** These hold the keys themselves: the program's own file, in which they are put. */
export const OWN_FILES = `install -o backup-job -m 600 /etc/s3cmd.conf ${SINKS.s3cfg}
sed -e /env_auth/d -e /profile/d /etc/rclone.conf | install -o backup-job -m 600 /dev/stdin ${SINKS.rcloneConf}`;

/**
 * Where s3cmd could ask the metadata service itself, it would take those keys and not its own: as lockdown does, this
 * keeps its user from there.
 */
export const NO_METADATA = `nft add table inet t
nft add chain inet t out '{ type filter hook output priority 0; }'
nft add rule inet t out meta skuid backup-job ip daddr 169.254.169.254 reject`;

export interface Backup {
  readonly sink: string;
  /** Lists the bucket and prints its object, with the keys of a file such as the sink. */
  readonly run: (keys: string) => readonly string[];
}

export const BACKUPS: Readonly<Record<string, Backup>> = {
  rclone: {
    sink: SINKS.rclone,
    run: (keys) =>
      asBackupJob(`export AWS_SHARED_CREDENTIALS_FILE=${keys}
        s3() { rclone --config /etc/rclone.conf --retries 1 --low-level-retries 1 "$@"; }
        s3 ls s3:backups; s3 cat s3:backups/hello.txt`),
  },
  s3cmd: {
    sink: SINKS.s3cmd,
    run: (keys) =>
      asBackupJob(`set -a; . ${keys}
        s3() { s3cmd --config /etc/s3cmd.conf "$@"; }
        s3 ls s3://backups; s3 get s3://backups/hello.txt -`),
  },
  'rclone with keys in its own file': {
    sink: SINKS.rcloneConf,
    run: (keys) =>
      asBackupJob(`s3() { rclone --config ${keys} --retries 1 --low-level-retries 1 "$@"; }
        s3 ls s3:backups; s3 cat s3:backups/hello.txt`),
  },
  's3cmd with keys in its own file': {
    sink: SINKS.s3cfg,
    run: (keys) =>
      asBackupJob(`s3() { s3cmd --config ${keys} "$@"; }
        s3 ls s3://backups; s3 get s3://backups/hello.txt -`),
  },
};

const CHANGED = '/var/lib/backup-job/changed';

/** What is changed in the keys, and what S3 says to it. */
const CHANGES = [
  ['s/^((aws_)?secret(_access)?_key *= *)./\\1_/I', 'SignatureDoesNotMatch'],
  ['s/^((aws_)?(session|access)_token *= *)./\\1_/I', 'InvalidToken'],
  ['/^(aws_)?(session|access)_token/Id', 'InvalidToken'],
] as const;

function asBackupJob(script: string): readonly string[] {
  return ['runuser', '--user', 'backup-job', '--', 'sh', '-euc', script];
}

export function installBackups(root: Pick<Machine, 'write' | 'copyIn'>): void {
  root.write('/etc/rclone.conf', RCLONE);
  root.write('/etc/s3cmd.conf', S3CMD);
  installS3(root);
}

/** A store for the machine's role, on port 9000. */
export function installS3(root: Pick<Machine, 'write' | 'copyIn'>): void {
  root.copyIn(process.execPath, '/opt/s3');
  for (const name of ['consumers-s3-child.ts', 'consumers-sigv4.ts'])
    root.copyIn(join(import.meta.dirname, name), '/opt/s3');
  root.write('/opt/s3/package.json', '{ "type": "module" }\n');
  root.write('/etc/systemd/system/s3.service', S3_UNIT);
}

export async function reads(machine: Machine, { sink, run }: Backup): Promise<void> {
  const { code, stdout, stderr } = await machine.run(run(sink));
  assert.deepEqual([code, stdout.trim().split('\n').length], [0, 2], stdout + stderr);
  assert.match(stdout, / .*hello\.txt\nread with the keys of the role\n$/);
}

export async function isRefused(machine: Machine, command: readonly string[], reason: string): Promise<void> {
  const { code, stdout, stderr } = await machine.run(command);
  assert.ok(code !== 0 && stdout === '' && stderr.includes(reason), `expected ${reason}, got ${stdout}${stderr}`);
}

export async function isRefusedWithOtherKeys(machine: Machine, { sink, run }: Backup): Promise<void> {
  for (const [change, reason] of CHANGES) {
    await machine.sh(`sed -E '${change}' ${sink} | install -o backup-job -m 600 /dev/stdin ${CHANGED}`);
    await isRefused(machine, run(CHANGED), reason);
  }
}
