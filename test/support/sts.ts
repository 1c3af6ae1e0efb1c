import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { judge, judgeWebIdentity, type Caller, type Refusal, type Role } from './sts-rules.ts';
import { checkSignature } from './sts-signature.ts';
import { answerXml, callerXml, errorXml, type Session } from './sts-xml.ts';

export type { Caller, Role } from './sts-rules.ts';

/** What is answered instead: an error with its message, a whole body, or nothing. */
export type StsFault =
  | { readonly kind: 'error'; readonly status: number; readonly code: string; readonly message?: string }
  | { readonly kind: 'body'; readonly status: number; readonly body: string }
  | { readonly kind: 'hang' | 'reset' };

/** A request as it came, and what came of it. */
export interface StsCall {
  readonly action: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** `ok`, the code of the error, or the kind of the fault. */
  readonly outcome: string;
}

export interface StsOptions {
  readonly host?: string;
  /** Default 0: any free one. */
  readonly port?: number;
  /** Serve TLS. PEM. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Its region, which signatures have to name. Default us-east-1. */
  readonly region?: string;
  /** Epoch milliseconds. Default: now. */
  readonly now?: () => number;
  /** Who may call, looked up for each request. Those who got credentials here may, too. */
  readonly callers: () => readonly Caller[];
  readonly roles: readonly Role[];
  /** Told of each request before it is answered. */
  readonly onCall?: () => void;
}

/** A double of the Security Token Service: its rules, with signatures checked in full, and errors on demand. */
export interface Sts {
  /** `http://127.0.0.1:40123`; https where it serves TLS. */
  readonly url: string;
  readonly calls: readonly StsCall[];
  /** The sessions that it gave, the oldest first. */
  readonly sessions: readonly Session[];
  /** The next requests fail so, one after the other. */
  fail(...faults: readonly StsFault[]): void;
  /** All do, until it is undefined. */
  failAlways(fault: StsFault | undefined): void;
  close(): Promise<void>;
}

const WEB_IDENTITY = 'AssumeRoleWithWebIdentity';

export async function startSts(options: StsOptions): Promise<Sts> {
  const sts = new Double(options);
  await sts.listen();
  return sts;
}

class Double implements Sts {
  readonly calls: StsCall[] = [];
  readonly sessions: Session[] = [];
  url = '';
  readonly #options: StsOptions;
  readonly #server;
  #faults: StsFault[] = [];
  #always: StsFault | undefined;

  constructor(options: StsOptions) {
    this.#options = options;
    const listener: RequestListener = (request, response) => {
      void this.#handle(request, response);
    };
    this.#server = options.tls === undefined ? createServer(listener) : createTlsServer(options.tls, listener);
  }

  async listen(): Promise<void> {
    const { host = '127.0.0.1', port = 0, tls } = this.#options;
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    const { port: bound } = this.#server.address() as AddressInfo;
    this.url = `${tls === undefined ? 'http' : 'https'}://${host}:${bound}`;
  }

  fail(...faults: readonly StsFault[]): void {
    this.#faults = [...faults];
  }

  failAlways(fault: StsFault | undefined): void {
    this.#always = fault;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => {
        resolve();
      });
      this.#server.closeAllConnections();
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const fault = this.#faults.shift() ?? this.#always;
    const parameters = Object.fromEntries(new URLSearchParams(body.toString()));
    const [outcome, status, xml] = fault ? applyFault(fault) : this.#answer(request, body, parameters);
    const headers = firstValues(request);
    this.#options.onCall?.();
    this.calls.push({ action: parameters['Action'] ?? '', parameters, headers, body: body.toString(), outcome });
    if (outcome === 'hang') return;
    if (outcome === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    response.writeHead(status, { 'content-type': 'text/xml', date: new Date(this.#now()).toUTCString() }).end(xml);
  }

  #answer(request: IncomingMessage, body: Buffer, parameters: Record<string, string>): [string, number, string] {
    if (parameters['Action'] === WEB_IDENTITY) {
      const refused = judgeWebIdentity(parameters, this.#options.roles);
      return refused ? refuse(refused) : ['ok', 200, answerXml(this.#issue(parameters), undefined, WEB_IDENTITY)];
    }
    const callers = [...this.#options.callers(), ...this.sessions];
    const { method = '', url: target = '' } = request;
    const { region = 'us-east-1' } = this.#options;
    const signed = { method, target, headers: firstValues(request), body };
    const checked = checkSignature(signed, { callers, now: this.#now(), region });
    if (!('caller' in checked)) return refuse(checked);
    const refused = judge(parameters, checked.caller, this.#options.roles);
    if (refused) return refuse(refused);
    if (parameters['Action'] === 'GetCallerIdentity') return ['ok', 200, callerXml(checked.caller.arn)];
    return ['ok', 200, answerXml(this.#issue(parameters), parameters['SourceIdentity'])];
  }

  #issue(parameters: Record<string, string>): Session {
    const { RoleArn = '', RoleSessionName = '', DurationSeconds = '3600' } = parameters;
    const [, partition = '', account = '', name = ''] =
      /^arn:([^:]+):iam::(\d+):role\/(?:.*\/)?(.+)$/.exec(RoleArn) ?? [];
    const session: Session = {
      accessKeyId: `ASIA${randomBytes(8).toString('hex').toUpperCase()}`,
      secretAccessKey: randomBytes(30).toString('base64'),
      sessionToken: randomBytes(180).toString('base64'),
      // Whole seconds, as it tells them.
      expiration: Math.floor(this.#now() / 1000) * 1000 + Number(DurationSeconds) * 1000,
      arn: `arn:${partition}:sts::${account}:assumed-role/${name}/${RoleSessionName}`,
    };
    this.sessions.push(session);
    return session;
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}

function refuse({ code, status, message }: Refusal): [string, number, string] {
  return [code, status, errorXml(code, message)];
}

function applyFault(fault: StsFault): [string, number, string] {
  if (fault.kind === 'error') return [fault.code, fault.status, errorXml(fault.code, fault.message ?? 'on demand')];
  return fault.kind === 'body' ? ['body', fault.status, fault.body] : [fault.kind, 0, ''];
}

function firstValues({ headers }: IncomingMessage): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]);
  return Object.fromEntries(entries) as Record<string, string>;
}

export const throttled: StsFault = { kind: 'error', status: 400, code: 'Throttling', message: 'Rate exceeded' };

/** What STS says with these codes: their status is 403. */
export function denied(code = 'AccessDenied'): StsFault {
  return { kind: 'error', status: 403, code };
}
