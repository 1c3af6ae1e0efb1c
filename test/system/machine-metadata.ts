import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from './machine.ts';

/** The metadata service of a machine, on its two real addresses: a simulator behind sockets of systemd. */
export interface MachineMetadata {
  /** New keys, at once. */
  readonly rotate: () => Promise<void>;
  readonly setRole: (role: string | null) => Promise<void>;
  /** How many requests for credentials there were. */
  readonly requests: () => Promise<number>;
  /** The access key id that a reader of a sink has to find. */
  readonly currentKey: () => Promise<string>;
  /** Fails if the text holds anything that the service has given out. */
  readonly assertNoSecret: (where: string, text: string) => void;
}

const CONTROL = 'http://127.0.0.1:1338/simulator';
const IMDS = 'http://169.254.169.254/latest';

const UNITS: Readonly<Record<string, string>> = {
  // Before the network counts as up, as on an instance.
  'metadata-address.service': `[Unit]
DefaultDependencies=no
Before=cloud-init-local.service network-pre.target
Wants=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip address add 169.254.169.254/32 dev lo
ExecStart=ip -6 address add fd00:ec2::254/128 dev lo nodad
[Install]
WantedBy=sysinit.target
`,
  'simulator.service': `[Unit]
DefaultDependencies=no
After=metadata-address.service
[Service]
EnvironmentFile=/opt/simulator/options
ExecStart=/opt/simulator/credrotate simulate --port 1338 $OPTIONS
ExecStartPost=sh -c 'until curl --silent --output /dev/null ${CONTROL}/; do sleep 0.02; done'
[Install]
WantedBy=sysinit.target
`,
  'metadata.socket': `[Unit]
DefaultDependencies=no
[Socket]
ListenStream=169.254.169.254:80
ListenStream=[fd00:ec2::254]:80
BindIPv6Only=ipv6-only
FreeBind=yes
[Install]
WantedBy=sysinit.target
`,
  'metadata.service': `[Unit]
DefaultDependencies=no
Requires=simulator.service
After=simulator.service metadata-address.service
[Service]
ExecStart=/lib/systemd/systemd-socket-proxyd 127.0.0.1:1338
`,
};

/** Puts the service into a root; `options` are those of `credrotate simulate`. */
export function installMetadata(root: Pick<Machine, 'path' | 'write' | 'copyIn'>, options: string): void {
  root.copyIn(join(import.meta.dirname, '../../dist/credrotate'), '/opt/simulator');
  root.write('/opt/simulator/options', `OPTIONS=${options}\n`);
  for (const [name, text] of Object.entries(UNITS)) {
    root.write(`/etc/systemd/system/${name}`, text);
    if (text.includes('[Install]')) enable(root, name);
  }
}

function enable(root: Pick<Machine, 'path'>, unit: string): void {
  const wants = root.path('/etc/systemd/system/sysinit.target.wants');
  mkdirSync(wants, { recursive: true });
  symlinkSync(`../${unit}`, join(wants, unit));
}

export function metadataOf(machine: Pick<Machine, 'sh'>): MachineMetadata {
  const given = new Set<string>();
  const control = async (request: string): Promise<State> =>
    JSON.parse(await machine.sh(`curl -sS --fail -H 'x-credrotate-simulator: 1' ${request}`)) as State;
  const remember = async (): Promise<void> => {
    const { AccessKeyId, SecretAccessKey, Token } = JSON.parse(await machine.sh(FETCH)) as Document;
    for (const value of [AccessKeyId, SecretAccessKey, Token]) given.add(value);
  };
  return {
    rotate: async () => {
      await control(`-X POST ${CONTROL}/rotate`);
      await remember();
    },
    setRole: async (role) => {
      await control(`-X PUT --data '${JSON.stringify(role)}' ${CONTROL}/role`);
      if (role !== null) await remember();
    },
    requests: async () => {
      const { requests } = await control(`${CONTROL}/state`);
      return requests.filter(({ path }) => /\/security-credentials\/./.test(path)).length;
    },
    currentKey: async () => {
      await remember();
      return (await control(`${CONTROL}/state`)).accessKeyId;
    },
    assertNoSecret: (where, text) => {
      assert.ok(given.size > 0, 'nothing to look for');
      for (const value of given) assert.ok(!text.includes(value), `${where} holds a secret, or a key id in full`);
    },
  };
}

interface State {
  readonly accessKeyId: string;
  readonly requests: readonly { readonly path: string }[];
}

interface Document {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly Token: string;
}

const CREDENTIALS = `${IMDS}/meta-data/iam/security-credentials/`;
const FETCH = [
  `TOKEN=$(curl -sS --fail -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' ${IMDS}/api/token)`,
  `ask() { curl -sS --fail -H "X-aws-ec2-metadata-token: $TOKEN" "$1"; }`,
  `ask ${CREDENTIALS}$(ask ${CREDENTIALS})`,
].join('\n');
