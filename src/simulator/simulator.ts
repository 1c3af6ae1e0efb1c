import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Answer } from './answer.ts';
import type { RequestRecord, Simulator, SimulatorOptions, SimulatorState } from './contract.ts';
import { control, CONTROL_PREFIX } from './control.ts';
import { Issuer, uniqueId, type IssuedCredentials } from './credentials.ts';
import { deliver } from './deliver.ts';
import { Faults, type Fault } from './faults.ts';
import { answerImds, requestKind, Tokens, type Imds } from './imds.ts';
import { metadataTree, type Instance } from './metadata.ts';

export type { RequestRecord, Simulator, SimulatorOptions, SimulatorState } from './contract.ts';

const KEPT_REQUESTS = 1000;
const HOUR = 3_600_000;

/** Rejects with `USAGE` for options that make no sense, and with the errno error when the address is not to be had. */
export async function createSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = new LoopbackSimulator(options);
  await simulator.listen(options.host ?? '127.0.0.1', options.port ?? 0);
  return simulator;
}

class LoopbackSimulator implements Simulator {
  readonly requests: RequestRecord[] = [];
  readonly #now: () => number;
  readonly #issuer: Issuer;
  readonly #imds: Imds;
  readonly #faults: Faults;
  // As the real service, it wants no Host.
  readonly #server = createServer({ requireHostHeader: false }, (request, response) => {
    this.#handle(request, response);
  });
  #role: string | null;
  #url = '';

  constructor(options: SimulatorOptions) {
    const { now = Date.now, lifetime = 6 * HOUR, rotateEvery = HOUR, role = 'demo-role', v1 = false } = options;
    this.#now = now;
    this.#role = role;
    this.#issuer = new Issuer({ lifetime, rotateEvery, now });
    const tokens = new Tokens(now);
    const instance = describeInstance(options, now());
    const tree = () => metadataTree(instance, { role: this.#role, credentials: this.#issuer.current() });
    this.#imds = { tokens, v1, tree };
    this.#faults = new Faults(options.faults ?? [], { tokens, now });
  }

  get url(): string {
    return this.#url;
  }

  async listen(host: string, port: number): Promise<void> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    // A TCP server's address is never a path or null while it listens.
    const { port: bound } = this.#server.address() as AddressInfo;
    this.#url = `http://${host.includes(':') ? `[${host}]` : host}:${bound}`;
  }

  rotate(): void {
    this.#issuer.rotate();
  }

  setRole(role: string | null): void {
    this.#role = role;
    this.#issuer.rotate();
  }

  setFaults(faults: readonly Fault[]): void {
    this.#faults.set(faults);
  }

  current(): IssuedCredentials {
    return this.#issuer.current();
  }

  state(): SimulatorState {
    const { generation, accessKeyId, expiration } = this.current();
    const nextRotation = this.#issuer.nextRotation();
    const faults = this.#faults.list();
    return { role: this.#role, generation, accessKeyId, expiration, nextRotation, faults, requests: this.requests };
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => {
        resolve();
      });
      this.#server.closeAllConnections();
    });
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const method = request.method ?? 'GET';
    const path = pathOf(request.url ?? '/');
    if (path.startsWith(CONTROL_PREFIX)) {
      this.#control(path, request, response);
      return;
    }
    const sound = answerImds(this.#imds, { method, path, headers: request.headers });
    const answer = this.#faults.apply(sound, requestKind(path));
    this.#remember({ method, path, status: isSilent(answer) ? 0 : answer.status });
    deliver(response, withDate(answer, this.#now()));
  }

  #control(path: string, request: IncomingMessage, response: ServerResponse): void {
    control(this, path, request).then(
      (answer) => {
        deliver(response, answer);
      },
      () => {
        // The client went away while it sent its body.
        response.destroy();
      },
    );
  }

  #remember(record: RequestRecord): void {
    this.requests.push(record);
    if (this.requests.length > KEPT_REQUESTS) this.requests.shift();
  }
}

function describeInstance(options: SimulatorOptions, launchedAt: number): Instance {
  return {
    instanceId: options.instanceId ?? 'i-0123456789abcdef0',
    accountId: options.accountId ?? '123456789012',
    profileId: uniqueId('AIPA'),
    launchedAt,
    userData: options.userData === undefined ? undefined : Buffer.from(options.userData),
  };
}

/**
 * Without the query, and with single slashes: clients join paths carelessly, and the service takes it. A client behind a
 * proxy sends the whole URL.
 */
function pathOf(target: string): string {
  try {
    const { pathname } = new URL(target.replace(/^\/+/, '/'), 'http://simulator');
    return decodeURIComponent(pathname).replace(/\/{2,}/g, '/');
  } catch {
    return target;
  }
}

function isSilent(answer: Answer): boolean {
  return answer.delivery === 'hang' || answer.delivery === 'reset';
}

function withDate(answer: Answer, now: number): Answer {
  return { ...answer, headers: { date: new Date(now).toUTCString(), ...answer.headers } };
}
