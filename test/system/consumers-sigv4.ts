import { createHash, createHmac } from 'node:crypto';

/** A request as it came: a header has its name in small letters, the target is still encoded. */
export interface SignedRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly token?: string;
}

export interface Knowledge {
  readonly current: Keys;
  /** The ids of keys that were good once. */
  readonly past: ReadonlySet<string>;
  readonly now: number;
}

/** S3 accepts no request that is further from its own time; milliseconds. */
const MAX_SKEW = 15 * 60_000;

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 +Credential=([^/,]+)\/(\d{8}\/[^/,]+\/s3\/aws4_request), *SignedHeaders=([\w;-]+), *Signature=([0-9a-f]{64})$/;

/** What S3 refuses the request with (Signature Version 4, in the header); undefined when it is signed as it has to be. */
export function refusal(request: SignedRequest, knowledge: Knowledge): string | undefined {
  const { authorization, 'x-amz-security-token': token } = request.headers;
  if (authorization === undefined) return 'AccessDenied';
  const claim = readClaim(authorization, request.headers['x-amz-date']);
  if (!claim) return 'AuthorizationHeaderMalformed';
  const refused = refusedKeys(claim.id, knowledge);
  if (refused !== undefined) return refused;
  if (!isNear(claim.date, knowledge.now)) return 'RequestTimeTooSkewed';
  if (!coversAll(request, claim.names.split(';'))) return 'AccessDenied';
  const { current } = knowledge;
  if (claim.signature !== sign(request, claim, current.secretAccessKey)) return 'SignatureDoesNotMatch';
  return token === current.token ? undefined : 'InvalidToken';
}

interface Claim {
  readonly id: string;
  readonly date: string;
  readonly scope: string;
  /** Of the signed headers. */
  readonly names: string;
  readonly signature: string;
}

function readClaim(authorization: string, date = ''): Claim | undefined {
  const [, id = '', scope = '', names = '', signature = ''] = AUTHORIZATION.exec(authorization) ?? [];
  const isWhole = id !== '' && date.startsWith(scope.slice(0, 8));
  return isWhole ? { id, date, scope, names, signature } : undefined;
}

function refusedKeys(id: string, { current, past }: Knowledge): string | undefined {
  if (id === current.accessKeyId) return undefined;
  return past.has(id) ? 'ExpiredToken' : 'InvalidAccessKeyId';
}

function isNear(date: string, now: number): boolean {
  const time = date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  return Math.abs(now - Date.parse(time)) <= MAX_SKEW;
}

/** What says where a request goes and what it is must be signed with it. */
function coversAll({ headers }: SignedRequest, signed: readonly string[]): boolean {
  return ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))].every(
    (name) => headers[name] !== undefined && signed.includes(name),
  );
}

function sign(request: SignedRequest, { date, scope, names }: Claim, secret: string): string {
  const [path = '', query = ''] = request.target.split('?', 2);
  const headers = names.split(';').map((name) => `${name}:${oneLine(request.headers[name] ?? '')}\n`);
  const canonical = [
    request.method,
    reencode(path, '/'),
    canonicalQuery(query),
    headers.join(''),
    names,
    request.headers['x-amz-content-sha256'] ?? '',
  ];
  const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical.join('\n'))].join('\n');
  const key = scope.split('/').reduce<Buffer>((last, part) => hmac(last, part), Buffer.from(`AWS4${secret}`));
  return hmac(key, toSign).toString('hex');
}

function canonicalQuery(query: string): string {
  const pairs = query.split('&').filter((pair) => pair !== '');
  return pairs
    .map((pair) => {
      const [name = '', value = ''] = pair.split(/=(.*)/s, 2);
      return `${reencode(name)}=${reencode(value)}`;
    })
    .sort()
    .join('&');
}

/** Clients differ in what they encode; what is signed is encoded in the one way. */
function reencode(text: string, keep = ''): string {
  const one = (part: string): string =>
    encodeURIComponent(decodeURIComponent(part)).replace(
      /[!'()*]/g,
      (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  return keep === '' ? one(text) : text.split(keep).map(one).join(keep);
}

function oneLine(value: string): string {
  return value.trim().replace(/ +/g, ' ');
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
