import type { IncomingMessage } from 'node:http';
import { AgentError } from '../core/errors.ts';
import { errorPage, type Answer } from './answer.ts';
import type { Simulator } from './contract.ts';
import type { Fault } from './faults.ts';
import { checkFault } from './parse-fault.ts';

export const CONTROL_PREFIX = '/simulator/';
/** A web page can send a request here, but not with this header: that takes a preflight, which is not answered. */
const HEADER = 'x-credrotate-simulator';
const MAX_BODY = 65_536;

const actions: Readonly<Record<string, (simulator: Simulator, body: string) => void>> = {
  'GET /simulator/state': () => undefined,
  'POST /simulator/rotate': (simulator) => {
    simulator.rotate();
  },
  'PUT /simulator/role': (simulator, body) => {
    simulator.setRole(readRole(body));
  },
  'PUT /simulator/faults': (simulator, body) => {
    simulator.setFaults(readFaults(body));
  },
};

/** What is understood is answered with the state that it leaves behind, the rest with the reason. */
export async function control(simulator: Simulator, path: string, request: IncomingMessage): Promise<Answer> {
  if (!isLocal(simulator, request)) return errorPage(403);
  const action = actions[`${request.method ?? ''} ${path}`];
  if (action === undefined) return errorPage(404);
  try {
    action(simulator, await readBody(request));
    return json(200, simulator.state());
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return json(400, error.toInfo());
  }
}

/** The host is looked at too: a page whose name an attacker points at us is of our origin and may set headers. */
function isLocal(simulator: Simulator, request: IncomingMessage): boolean {
  const { host, port } = new URL(simulator.url);
  return request.headers[HEADER] === '1' && [host, `localhost:${port}`].includes(request.headers.host ?? '');
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Without an encoding set, a request gives buffers.
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_BODY) chunks.push(chunk);
  }
  // Read to its end all the same: who still sends does not see an answer.
  if (size > MAX_BODY) throw usage(`a body of at most ${MAX_BODY} bytes`, `${size}`);
  return Buffer.concat(chunks).toString();
}

function readRole(body: string): string | null {
  const role = parseJson(body);
  if (role === null || (typeof role === 'string' && /^[\w+=,.@-]{1,64}$/.test(role))) return role;
  throw usage('a role name as a JSON string, or null', body);
}

function readFaults(body: string): Fault[] {
  const faults = parseJson(body);
  if (!Array.isArray(faults)) throw usage('a JSON array of faults', body);
  return faults.map(checkFault);
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw usage('JSON', body);
  }
}

function usage(expected: string, got: string): AgentError {
  return new AgentError('USAGE', `simulator: expected ${expected}, got ${JSON.stringify(got.slice(0, 80))}`);
}

function json(status: number, value: object): Answer {
  return { status, headers: { 'content-type': 'application/json' }, body: Buffer.from(`${JSON.stringify(value)}\n`) };
}
