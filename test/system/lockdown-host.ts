import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { openSite, type Ended } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { limit } from '../support/limits.ts';
import type { Namespace } from './namespace.ts';

export const ROOT = 0;
export const ALLOWED = 65533;
export const NOBODY = 65534;
export const ADDRESSES = ['169.254.169.254', 'fd00:ec2::254'];

/** Asks an address for credentials, in a connection that it opens first. Says what came of it. */
const CLIENT = `
import http.client, sys
connection = http.client.HTTPConnection(sys.argv[1], 80, timeout=${limit(20)})
try:
    connection.connect()
    if 'wait' in sys.argv:
        print('connected', flush=True)
        sys.stdin.readline()
    connection.request('PUT', '/latest/api/token', headers={'X-aws-ec2-metadata-token-ttl-seconds': '60'})
    token = connection.getresponse().read().decode()
    path = '/latest/meta-data/iam/security-credentials/demo-role'
    connection.request('GET', path, headers={'X-aws-ec2-metadata-token': token})
    answer = connection.getresponse()
    print('credentials' if b'SecretAccessKey' in answer.read() else answer.status)
except OSError as error:
    print(type(error).__name__)
`;

export interface Host {
  readonly lockdown: (...args: readonly string[]) => Promise<Ended>;
  readonly status: () => Promise<Status>;
}

interface Status {
  readonly state: string;
  readonly reason?: string;
  readonly rollbackInSeconds?: number;
  readonly refused: readonly number[];
}

/** The product in a namespace, with a configuration that allows one user. */
export async function openHost(t: TestContext, space: Namespace, config: object = {}): Promise<Host> {
  const site = await openSite(t);
  const option = site.configure({ sinks: [], lockdown: { allow_users: [ALLOWED] }, ...config });
  const lockdown: Host['lockdown'] = (command = '', ...args) => {
    const takesConfig = command === 'apply' || command === 'status';
    return site.run(['lockdown', command, ...args, ...(takesConfig ? option : [])], { through: space.enter });
  };
  return {
    lockdown,
    status: async () => (JSON.parse((await lockdown('status', '--json')).stdout) as { lockdown: Status }).lockdown,
  };
}

export async function done(ended: Promise<Ended>): Promise<string> {
  const { code, stdout, stderr } = await ended;
  assert.equal(code, 0, stdout + stderr);
  return stdout;
}

/** What users get at each address. */
export async function ask(space: Namespace, ...users: readonly number[]): Promise<string[]> {
  const asked = users.flatMap((user) =>
    ADDRESSES.map((address) => space.runAs(user, '/usr/bin/python3', '-c', CLIENT, address)),
  );
  return (await Promise.all(asked)).map(({ stdout, stderr }) => (stdout + stderr).trim());
}

export const GIVEN = ['credentials', 'credentials'];
export const REFUSED = ['ConnectionRefusedError', 'ConnectionRefusedError'];

/** A connection of a user that waits. Says in the end what came of it, once it went on. */
export async function connect(
  t: TestContext,
  space: Namespace,
  user: number,
  address: string,
): Promise<() => Promise<string>> {
  const command = [
    ...space.enter,
    'setpriv',
    `--reuid=${String(user)}`,
    '/usr/bin/python3',
    '-c',
    CLIENT,
    address,
    'wait',
  ];
  const [program = '', ...args] = command;
  const client = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => client.kill('SIGKILL'));
  let said = '';
  client.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  await eventually('it is connected', () => said === 'connected\n');
  return async () => {
    client.stdin.end('go on\n');
    await once(client, 'close');
    return said.split('\n')[1] ?? '';
  };
}
