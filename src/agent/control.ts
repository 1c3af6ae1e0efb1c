import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { text } from 'node:stream/consumers';
import * as v from 'valibot';
import { AgentError, errnoError, type ErrorInfo, isErrno, toErrorInfo } from '../core/errors.ts';
import type { OwnDirectory } from '../files/own.ts';
import { SOCKET } from './published.ts';

/**
 * The control socket: a client writes one JSON line, the agent answers with one and closes. Only the agent's own user
 * (and root) can connect: the socket is 0600 from its first moment.
 */
const requestSchema = v.object({
  /** `dry-run`: report the result that notifying these consumers would have; `ping`: answer. */
  command: v.picklist(['refresh', 'dry-run', 'ping']),
  notifyAll: v.boolean(),
  notify: v.exactOptional(v.pipe(v.array(v.string()), v.readonly())),
  /** Names of sources to ask even if no credentials are due; unset: all sources, if due. */
  sources: v.exactOptional(v.pipe(v.array(v.string()), v.readonly())),
  /** Accept credentials even if they expire earlier: the user id of the person who asked for it. */
  acceptedBy: v.exactOptional(v.pipe(v.number(), v.integer())),
});

export type ControlRequest = Readonly<v.InferOutput<typeof requestSchema>>;

type ControlAnswer = { readonly report: object } | { readonly error: ErrorInfo };

const MAX_REQUEST = 64 * 1024;

/** In the directory that the agent publishes in. Rejects with AgentError and errno errors. */
export async function serveControl(
  directory: OwnDirectory,
  handle: (request: ControlRequest) => Promise<object>,
): Promise<AsyncDisposable> {
  // The holder of the agent's lock owns this name: an existing file was left by a killed agent.
  directory.remove(SOCKET);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
    readLine(socket, (line) => {
      void answer(line, handle).then((reply) => socket.end(`${JSON.stringify(reply)}\n`));
    });
  });
  // By its name, since Node removes it by that; nobody but root and the agent can change what it means.
  await listenPrivately(server, join(directory.path, SOCKET));
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      for (const socket of sockets) socket.destroySoon();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * Asks the agent behind the socket, and gives its report, which another version may have made. Rejects with
 * AGENT_ABSENT when there is none, and with the signal's reason.
 */
export async function askControl(
  directory: OwnDirectory,
  request: ControlRequest,
  signal: AbortSignal,
): Promise<object> {
  const path = join(directory.path, SOCKET);
  let raw: string;
  try {
    const socket = addAbortSignal(signal, connectTo(directory));
    socket.write(`${JSON.stringify(request)}\n`);
    raw = await text(socket);
  } catch (error) {
    signal.throwIfAborted();
    const hint = isErrno(error, 'EACCES')
      ? 'run this as the user of the agent'
      : 'start one, or where a timer or cron makes the passes: credrotate once';
    const got = toErrorInfo(error).message;
    throw new AgentError('AGENT_ABSENT', `no agent answers at ${path}: ${got}`, { hint });
  }
  return report(raw, path);
}

/** Whether an agent listens there; a killed agent leaves a dead socket. */
export async function isServed(directory: OwnDirectory): Promise<boolean> {
  try {
    const socket = connectTo(directory);
    await once(socket, 'connect');
    socket.destroy();
    return true;
  } catch {
    return false;
  }
}

/** To root or the agent itself: nobody else can make it. Throws AgentError and errno errors. */
function connectTo(directory: OwnDirectory): Socket {
  if (directory.has(SOCKET)) return connect(join(directory.path, SOCKET));
  throw errnoError('ENOENT', 'connect');
}

function report(raw: string, path: string): object {
  if (raw === '') throw new AgentError('AGENT_ABSENT', `the agent at ${path} stopped before it answered`);
  // The answer comes from our own code.
  const reply = JSON.parse(raw) as ControlAnswer;
  if ('report' in reply) return reply.report;
  const { code, message, hint } = reply.error;
  throw new AgentError(code, message, { hint });
}

async function answer(line: string, handle: (request: ControlRequest) => Promise<object>): Promise<ControlAnswer> {
  try {
    return { report: await handle(parse(line)) };
  } catch (error) {
    return { error: toErrorInfo(error) };
  }
}

function parse(line: string): ControlRequest {
  const { output, issues } = v.safeParse(requestSchema, JSON.parse(line));
  if (!issues) return output;
  throw new AgentError('USAGE', `control request: ${issues[0].message}`);
}

function readLine(socket: Socket, take: (line: string) => void): void {
  let seen = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    seen += chunk;
    const end = seen.indexOf('\n');
    if (end >= 0) {
      socket.removeAllListeners('data');
      take(seen.slice(0, end));
    } else if (seen.length > MAX_REQUEST) socket.destroy();
  });
}

async function listenPrivately(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  server.once('error', reject);
  const umask = process.umask(0o177);
  try {
    server.listen(path, () => {
      resolve(undefined);
    });
  } finally {
    process.umask(umask);
  }
  await promise;
}
