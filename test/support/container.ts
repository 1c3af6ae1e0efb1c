import type { TestContext } from 'node:test';
import type { ContainerConfig } from '../../src/core/config.ts';
import type { Environment, Fetched, Users } from '../../src/core/contracts.ts';
import { createContainerSource, type ContainerDeps } from '../../src/source/container/source.ts';
import { HOUR, NOON } from './credentials.ts';
import { makeHttp } from './http-requests.ts';
import {
  answer,
  cut,
  drip,
  endless,
  hang,
  hangUp,
  rawServer,
  reset,
  type RawServer,
  type Reply,
} from './raw-server.ts';
import { StandingClock } from './sts-scene.ts';

/** What ECS answers; `null` leaves a field out. */
export function ecsAnswer(change: Readonly<Record<string, string | null>> = {}): string {
  const fields: Readonly<Record<string, string | null>> = {
    RoleArn: 'arn:aws:iam::123456789012:role/task',
    AccessKeyId: 'ASIAEXAMPLE000000001',
    SecretAccessKey: 'secret/1+'.padEnd(40, 'x'),
    Token: 'session/1=='.padEnd(200, 'y'),
    Expiration: new Date(NOON + 6 * HOUR).toISOString(),
    ...change,
  };
  return JSON.stringify(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)));
}

const json = (status: number, body: object): Reply => answer(status, JSON.stringify(body));

/** The ways in which endpoints of containers have been seen to fail, or may. */
export const MISBEHAVIOURS = {
  'ECS does not know the id': json(400, { code: 'InvalidIdInRequest', message: 'bad id', HTTPErrorCode: 400 }),
  'ECS has just started': json(503, { code: 'CredentialsUninitialized', message: 'not yet', HTTPErrorCode: 503 }),
  'EKS refuses in plain text': answer(403, 'Access denied\nsecond line'),
  'it wants a token': answer(401, ''),
  'the path is another': answer(404, '404 page not found'),
  'it is asked too often': answer(429, 'slow down'),
  'it is in trouble': answer(500, '<html>secret'),
  'it redirects': answer(302, '', { Location: 'http://127.0.0.1:1/' }),
  'a page comes': answer(200, '<html>welcome</html>'),
  'nothing comes': answer(200, ''),
  'no Expiration comes': answer(200, ecsAnswer({ Expiration: null })),
  'an empty Expiration comes': answer(200, ecsAnswer({ Expiration: '' })),
  'a past Expiration comes': answer(200, ecsAnswer({ Expiration: '2026-11-23T11:59:59Z' })),
  'no Token comes': answer(200, ecsAnswer({ Token: null })),
  'it says what it was shown': answer(403, `no such token: ${'token/'.repeat(9)}`),
  'the connection ends early': cut,
  'the connection is reset': reset,
  'the connection is closed': hangUp,
  'the body never ends': endless,
  'it hangs': hang,
  'it drips': drip,
} as const satisfies Readonly<Record<string, Reply>>;

export interface ContainerRig {
  readonly server: RawServer;
  readonly clock: StandingClock;
  /** The next answers; the last one stays. */
  answers(...replies: readonly Reply[]): void;
  /** With the double as the configured endpoint. */
  fetch(config?: Partial<ContainerConfig>, env?: Environment, signal?: AbortSignal): Promise<Fetched>;
  /** With nothing configured. */
  fetchOf(env: Environment): Promise<Fetched>;
}

/** The user database of this machine is not asked: names are numbers here. */
const NUMBERS: Users = {
  user: (name) => Promise.resolve(/^\d+$/.test(String(name)) ? { uid: Number(name), gid: Number(name) } : undefined),
  group: () => Promise.resolve(undefined),
  isMember: () => Promise.resolve(false),
};

/** A source that asks a double of such an endpoint, at noon. */
export async function containerRig(context: TestContext, host?: string): Promise<ContainerRig> {
  let queue: readonly Reply[] = [answer(200, ecsAnswer())];
  const server = await rawServer(
    context,
    () => {
      const [first, ...others] = queue;
      if (others.length > 0) queue = others;
      return first ?? hang;
    },
    host,
  );
  const clock = new StandingClock();
  const endpoint = `${server.origin}/v2/credentials/${ID}`;
  const never = new AbortController().signal;
  return {
    server,
    clock,
    answers(...replies) {
      queue = replies;
    },
    fetch: (config = {}, env = {}, signal = never) =>
      createContainerSource(
        { type: 'container', name: 'task', endpoint, ...config },
        containerDeps({ clock, env }),
      ).fetch(signal),
    fetchOf: (env) =>
      createContainerSource({ type: 'container', name: 'task' }, containerDeps({ clock, env })).fetch(never),
  };
}

/** The end of a path of ECS. */
export const ID = '6f1f2a3b-0000-4000-8000-00000000abcd';

export function containerDeps(change: Partial<ContainerDeps> = {}): ContainerDeps {
  const self = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  return { clock: new StandingClock(), env: {}, users: NUMBERS, self, makeHttp, ...change };
}
