import { randomBytes } from 'node:crypto';
import { errorPage, methodNotAllowed, plain, type Answer } from './answer.ts';
import { listing, VERSIONS, type MetadataTree } from './metadata.ts';

export interface ImdsRequest {
  readonly method: string;
  /** Decoded, without the query. */
  readonly path: string;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Which of the requests that lead to credentials this is. */
export type RequestKind = 'token' | 'role' | 'credentials' | 'other';

export const TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds';
const TOKEN_HEADER = 'x-aws-ec2-metadata-token';
const TOKEN_PATH = '/latest/api/token';
const MAX_TTL = 21_600;

export function requestKind(path: string): RequestKind {
  if (path === TOKEN_PATH) return 'token';
  const role = /^\/[^/]+\/meta-data\/iam\/security-credentials(?:\/(.*))?$/.exec(path);
  if (role === null) return 'other';
  return role[1] === undefined || role[1] === '' ? 'role' : 'credentials';
}

/** Session tokens and when they end. */
export class Tokens {
  readonly #now: () => number;
  readonly #endings = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  issue(seconds: number): string {
    const token = Buffer.concat([Buffer.from([1, 0, 0, 0]), randomBytes(36)])
      .toString('base64')
      .replaceAll('+', '-')
      .replaceAll('/', '_');
    this.limit(token, seconds);
    return token;
  }

  /** From now on, the token ends after so many seconds. */
  limit(token: string, seconds: number): void {
    this.#endings.set(token, this.#now() + seconds * 1000);
  }

  /** Seconds, rounded up; 0 for a token that ended or never was. */
  remaining(token: string): number {
    const left = Math.max(0, Math.ceil(((this.#endings.get(token) ?? 0) - this.#now()) / 1000));
    if (left === 0) this.#endings.delete(token);
    return left;
  }

  invalidate(): void {
    this.#endings.clear();
  }
}

export interface Imds {
  readonly tokens: Tokens;
  /** Answer requests that carry no token. */
  readonly v1: boolean;
  tree(): MetadataTree;
}

/** The answer of a healthy service. */
export function answerImds(imds: Imds, request: ImdsRequest): Answer {
  if (/^\/[^/]+\/api\/token$/.test(request.path)) return answerToken(imds.tokens, request);
  if (request.method !== 'GET' && request.method !== 'HEAD') return methodNotAllowed('GET, HEAD, OPTIONS');
  const token = request.headers[TOKEN_HEADER];
  if (token === undefined && imds.v1) return answerPath(imds.tree(), request.path);
  const left = typeof token === 'string' ? imds.tokens.remaining(token) : 0;
  if (left === 0) return errorPage(401);
  const answer = answerPath(imds.tree(), request.path);
  return { ...answer, headers: { ...answer.headers, [TTL_HEADER]: String(left) } };
}

function answerToken(tokens: Tokens, request: ImdsRequest): Answer {
  if (request.method !== 'PUT') return methodNotAllowed('OPTIONS, PUT');
  // A forwarded request means an open proxy in front of the instance, and the real service gives it no token.
  if (request.path !== TOKEN_PATH || request.headers['x-forwarded-for'] !== undefined) return errorPage(403);
  const ttl = request.headers[TTL_HEADER];
  if (typeof ttl !== 'string' || !/^\d+$/.test(ttl)) return errorPage(400);
  const seconds = Number(ttl);
  if (seconds < 1 || seconds > MAX_TTL) return errorPage(400);
  return plain(tokens.issue(seconds), { [TTL_HEADER]: ttl });
}

function answerPath(tree: MetadataTree, path: string): Answer {
  if (path === '/') return plain(VERSIONS.join('\n'));
  const [, version = '', below = ''] = /^\/([^/]+)(?:\/(.*))?$/.exec(path) ?? [];
  if (!VERSIONS.some((known) => known === version)) return errorPage(404);
  const name = below.replace(/\/$/, '');
  const leaf = tree.get(name);
  if (leaf !== undefined) return name === 'user-data' ? bytes(leaf) : plain(leaf);
  const names = listing(tree, name);
  return names === undefined ? errorPage(404) : plain(names);
}

function bytes(body: string | Buffer): Answer {
  return plain(body, { 'content-type': 'application/octet-stream' });
}
