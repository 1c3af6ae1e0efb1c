import { connect, type Socket } from 'node:net';
import type { buildConnector, Dispatcher } from 'undici';
import Client from 'undici/lib/dispatcher/client.js';
import {
  HttpError,
  type Http,
  type HttpFailure,
  type HttpOptions,
  type HttpRequest,
  type HttpResponse,
} from '../core/contracts.ts';
import { describeForeign, isErrno } from '../core/errors.ts';

/**
 * HTTP/1.1 with one keep-alive connection to each origin, which `dial` opens: without another one, plain. Errors never
 * carry what the peer sent: - `connect`: there was no connection, whether it was refused or the signal came first; -
 * `aborted`: the signal, or {@link Http.close}, ended the exchange on a connection; - `reset`: the connection ended
 * before an answer began; - `protocol`: the answer is not HTTP, or ended before it was whole; - `too_large`: the body
 * is longer than asked for, or the headers than 16 KiB.
 */
export function createHttp(userAgent: string, dial = dialPlain): Http {
  const connections = new Map<string, Connection>();
  return {
    async request(request) {
      const { origin } = request;
      let connection = connections.get(origin);
      if (!connection || connection.closed) {
        connection = new Connection(origin, dial);
        connections.set(origin, connection);
      }
      return connection.request({ ...request, headers: { 'user-agent': userAgent, ...request.headers } });
    },
    async close() {
      const open = [...connections.values()];
      connections.clear();
      await Promise.all(open.map((connection) => connection.close()));
    },
  };
}

/** Opens a connection; `done` is called once, unless what it returns is ended before. */
export type Dial = (
  to: { readonly protocol: string; readonly hostname: string; readonly port: string },
  done: Dialled,
) => { destroy(): void };
export type Dialled = (...result: [error: null, socket: Socket] | [error: Error, socket: null]) => void;

export const dialPlain: Dial = ({ hostname, port }, done) => {
  const socket = connect({ host: hostname, port: port === '' ? 80 : Number(port), noDelay: true });
  const onError = (error: Error) => {
    done(error, null);
  };
  return socket.once('error', onError).once('connect', () => {
    socket.off('error', onError);
    done(null, socket);
  });
};

/** As {@link dialPlain}; a connection that `vet` finds something wrong with is ended. */
export function dialVetted(vet: NonNullable<HttpOptions['vet']>): Dial {
  return (to, done) =>
    dialPlain(to, (error, socket) => {
      const wrong = socket && vet(socket.remoteAddress ?? '', socket.localAddress ?? '');
      if (error) done(error, null);
      else if (!wrong) done(null, socket);
      else {
        socket.destroy();
        done(new HttpError('untrusted', wrong), null);
      }
    });
}

/** Requests go over it one after another; it connects when there is one, and again when the peer has left. */
class Connection {
  closed = false;
  readonly #client: Client;
  readonly #exchanges = new Set<HttpExchange>();
  #connecting: { destroy(): void } | undefined;

  constructor(origin: string, dial: Dial) {
    const open: buildConnector.connector = (to, done) => {
      this.#connecting = dial(to, (...result) => {
        this.#connecting = undefined;
        done(...result);
      });
    };
    this.#client = new Client(origin, {
      connect: open,
      pipelining: 1,
      allowH2: false,
      // Otherwise the environment (UNDICI_USE_MILO) chooses the parser.
      useMilo: false,
      // The signal is the deadline.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    const exchange = new HttpExchange(request);
    const onAbort = () => {
      exchange.fail(this.#connecting ? 'connect' : 'aborted', 'none in time');
    };
    this.#exchanges.add(exchange);
    request.signal.addEventListener('abort', onAbort, { once: true });
    try {
      if (request.signal.aborted) exchange.fail('aborted', 'none in time');
      else {
        const { path, method, headers, body = null } = request;
        this.#client.dispatch({ path, method, headers, body }, exchange);
      }
      return await exchange.response;
    } finally {
      request.signal.removeEventListener('abort', onAbort);
      this.#exchanges.delete(exchange);
      // undici itself would continue to connect, for minutes, although nobody waits any more.
      if (this.#connecting && this.#exchanges.size === 0) await this.close();
    }
  }

  /** Ends what is under way, too. */
  async close(): Promise<void> {
    this.closed = true;
    this.#connecting?.destroy();
    await this.#client.destroy();
  }
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** A request and its response; ends once, whatever follows. */
class HttpExchange implements Dispatcher.DispatchHandler {
  readonly #settle = Promise.withResolvers<HttpResponse>();
  readonly response = this.#settle.promise;
  readonly #maxBytes: number;
  #settled = false;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers: Record<string, string> = {};
  #chunks: Buffer[] = [];
  #length = 0;

  constructor({ maxBytes }: HttpRequest) {
    this.#maxBytes = maxBytes;
  }

  fail(failure: HttpFailure, message: string): void {
    if (this.#settled) return;
    this.#settled = true;
    const error = new HttpError(failure, message);
    this.#settle.reject(error);
    this.#controller?.abort(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#settled) controller.abort(new HttpError('aborted', 'none in time'));
    else this.#controller = controller;
  }

  /** Comes again for each informational (1xx) answer before the real one. */
  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Headers): void {
    this.#status = status;
    this.#headers = firstValues(headers);
    if (Number(this.#headers['content-length'] ?? 0) > this.#maxBytes) this.#failTooLarge();
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#length += chunk.length;
    if (this.#length > this.#maxBytes) this.#failTooLarge();
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#settled = true;
    this.#settle.resolve({ status: this.#status, headers: this.#headers, body: Buffer.concat(this.#chunks) });
  }

  onResponseError(_: unknown, error: Error): void {
    if (error instanceof HttpError) {
      this.fail(error.failure, error.message);
      return;
    }
    const failure = this.#classify(error);
    this.fail(failure, isErrno(error) ? describeForeign(error) : WORDS[failure]);
  }

  #failTooLarge(): void {
    this.fail('too_large', `more than ${this.#maxBytes} bytes`);
  }

  #classify(error: Error): HttpFailure {
    const code = 'code' in error ? error.code : undefined;
    if (code === 'UND_ERR_DESTROYED') return 'aborted';
    if (code === 'UND_ERR_INVALID_ARG') return 'protocol';
    if (code === 'UND_ERR_HEADERS_OVERFLOW') return 'too_large';
    if (this.#controller === undefined) {
      if (isErrno(error, 'EACCES')) return 'prohibited';
      return isErrno(error, 'ENETUNREACH', 'EADDRNOTAVAIL') ? 'no_route' : 'connect';
    }
    // Not every error of the parser has a code.
    return this.#status > 0 || error.name === 'HTTPParserError' ? 'protocol' : 'reset';
  }
}

/** For the errors of undici, whose own words, like their fields, may quote what the peer sent. */
const WORDS: Readonly<Record<HttpFailure, string>> = {
  connect: 'none',
  no_route: 'none',
  prohibited: 'none',
  untrusted: 'none',
  proxy: 'none',
  aborted: 'a closed client',
  reset: 'a closed connection',
  protocol: 'one that is broken or ends early',
  too_large: 'headers that are too large',
};

function firstValues(headers: Headers): Record<string, string> {
  const first: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const text = Array.isArray(value) ? value[0] : value;
    if (text !== undefined) first[name] = text;
  }
  return first;
}
