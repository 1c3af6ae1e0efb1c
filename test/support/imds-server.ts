import type { TestContext } from 'node:test';
import type { ImdsConfig } from '../../src/core/config.ts';
import type { LogFields } from '../../src/core/contracts.ts';
import type { ImdsOptions } from '../../src/source/imds/client.ts';
import { createHttp } from '../../src/system/http.ts';
import { NOON } from './credentials.ts';
import { FakeClock } from './fake-clock.ts';
import { answer, rawServer, type RawServer, type Reply } from './raw-server.ts';

export type Step = 'token' | 'list' | 'credentials' | 'document' | 'instance-id' | 'other';

export const ROLE = 'web';
const ROLES = '/latest/meta-data/iam/security-credentials/';
const PATHS: Readonly<Record<string, Step>> = {
  '/latest/api/token': 'token',
  [ROLES]: 'list',
  '/latest/dynamic/instance-identity/document': 'document',
  '/latest/meta-data/instance-id': 'instance-id',
};

export interface ImdsServer extends RawServer {
  /** The steps that were asked for since the last call. */
  steps(): Step[];
  /** From now on, these replies come one after the other, and then healthy ones again. */
  reply(step: Step, ...replies: Reply[]): void;
  /** From now on, always; healthy ones again where it is undefined. */
  always(step: Step, reply: Reply | undefined): void;
}

/** A healthy metadata service, of which single answers can be replaced. Its tokens are `token-1`, `token-2` and on. */
export async function imdsServer(context: TestContext): Promise<ImdsServer> {
  const scripts = new Map<Step, Reply[]>();
  const lasting = new Map<Step, Reply | undefined>();
  const steps: Step[] = [];
  let tokens = 0;
  const healthy: Readonly<Record<Step, () => Reply>> = {
    token: () => token(`token-${(tokens += 1)}`),
    list: () => answer(200, ROLE),
    credentials: () => answer(200, document()),
    document: () => answer(200, JSON.stringify({ accountId: '123456789012', instanceId: 'i-0abc' })),
    'instance-id': () => answer(200, 'i-0abc'),
    other: () => answer(404),
  };
  const server = await rawServer(context, (head) => {
    const step = stepOf(head);
    steps.push(step);
    return scripts.get(step)?.shift() ?? lasting.get(step) ?? healthy[step]();
  });
  return {
    ...server,
    steps: () => steps.splice(0),
    reply: (step, ...replies) => void scripts.set(step, replies),
    always: (step, reply) => void lasting.set(step, reply),
  };
}

export function token(value: string, ttl: string | null = '21600'): Reply {
  return answer(200, value, ttl === null ? {} : { 'X-aws-ec2-metadata-token-ttl-seconds': ttl });
}

/** The tokens that the requests carried, in order; `-` for none. */
export function carried(requests: readonly string[]): string[] {
  return requests
    .filter((head) => head.startsWith('GET'))
    .map((head) => /^x-aws-ec2-metadata-token: (.*)$/m.exec(head)?.[1] ?? '-');
}

/** What EC2 answers for a role. */
export function document(change: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    Code: 'Success',
    LastUpdated: '2026-11-23T11:55:00Z',
    Type: 'AWS-HMAC',
    AccessKeyId: 'ASIAEXAMPLE000000001',
    SecretAccessKey: 'the/SECRET+key',
    Token: 'the/SECRET+token==',
    Expiration: '2026-11-23T18:00:00Z',
    ...change,
  });
}

function stepOf(head: string): Step {
  const path = head.split(' ')[1] ?? '';
  return PATHS[path] ?? (path.startsWith(ROLES) ? 'credentials' : 'other');
}

/** Sleeping is over at once, and the time has passed. */
export class HastyClock extends FakeClock {
  /** How long each sleep was to be, in milliseconds. */
  readonly sleeps: number[] = [];
  readonly #random: number;

  constructor(random = 0.5) {
    super(NOON);
    this.#random = random;
  }

  override random(): number {
    return this.#random;
  }

  override sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    this.sleeps.push(ms);
    this.advance(ms);
    return Promise.resolve();
  }
}

/** For an answer; milliseconds. As long as three attempts can have in the half minute for all. */
const TIMEOUT = 10_000;
export const IMDS_CONFIG: ImdsConfig = { allowAnyEndpoint: false, v1: 'deny', timeout: TIMEOUT, attempts: 4 };

interface Rig extends ImdsOptions {
  readonly clock: HastyClock;
  readonly warnings: readonly LogFields[];
}

/**
 * A reply that does not come to an end, whose time is up in a moment and for no other reason: as long as its connection
 * is open, the timers of this process run ahead, a part of the time allowed at a time.
 */
export function inVain(t: TestContext, reply: Reply): Reply {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  return (socket) => {
    reply(socket);
    const timer = setInterval(() => {
      t.mock.timers.tick(TIMEOUT / 3);
    }, 5);
    socket.once('close', () => {
      clearInterval(timer);
    });
  };
}

/** What a source needs to ask this server; timeouts are far away unless given. */
export function imdsRig(
  context: TestContext,
  server: Pick<RawServer, 'origin'>,
  config: Partial<ImdsConfig> = {},
): Rig {
  const http = createHttp('agent/1');
  context.after(() => http.close());
  const warnings: LogFields[] = [];
  const ignore = () => undefined;
  return {
    http,
    clock: new HastyClock(),
    config: { ...IMDS_CONFIG, endpoint: server.origin, ...config },
    env: {},
    log: { error: ignore, info: ignore, debug: ignore, warn: (_, fields) => void warnings.push(fields) },
    warnings,
  };
}

export { NOON };
