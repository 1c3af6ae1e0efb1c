import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Caller, Refusal } from './sts-rules.ts';

/** A request as it came: header names in small letters, the target still encoded. */
export interface SignedRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

export interface Knowledge {
  readonly callers: readonly Caller[];
  /** Epoch milliseconds. */
  readonly now: number;
  readonly region: string;
}

const TOLERANCE_MS = 5 * 60_000;
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 +Credential=([^/,]+)\/(\d{8})\/([^/,]+)\/sts\/aws4_request, *SignedHeaders=([a-z0-9;-]+), *Signature=([0-9a-f]{64})$/;

/** Who signed the request (Signature Version 4, in the header); or what STS refuses it with. */
export function checkSignature(request: SignedRequest, knowledge: Knowledge): Refusal | { readonly caller: Caller } {
  const { authorization, 'x-amz-date': date = '', 'x-amz-security-token': token } = request.headers;
  if (authorization === undefined) {
    return refuse('MissingAuthenticationToken', 'Request is missing Authentication Token');
  }
  const [, id, day, region, names, signature] = AUTHORIZATION.exec(authorization) ?? [];
  if (id === undefined || !/^\d{8}T\d{6}Z$/.test(date)) return refuse('IncompleteSignature', 'Authorization header');
  const caller = knowledge.callers.find(({ accessKeyId }) => accessKeyId === id);
  if (caller?.sessionToken !== token || !caller) {
    return refuse('InvalidClientTokenId', 'The security token included in the request is invalid.');
  }
  if ((caller.expiration ?? Infinity) <= knowledge.now) {
    return refuse('ExpiredToken', 'The security token included in the request is expired');
  }
  // The pattern has all of them, or none.
  const claim = { date, day, region, names, signature, secret: caller.secretAccessKey } as Claim;
  const wrong = mismatch(request, claim, knowledge);
  return wrong === undefined ? { caller } : refuse('SignatureDoesNotMatch', wrong);
}

interface Claim {
  readonly date: string;
  readonly day: string;
  readonly region: string;
  /** Of the signed headers. */
  readonly names: string;
  readonly signature: string;
  readonly secret: string;
}

function mismatch(request: SignedRequest, claim: Claim, { now, region }: Knowledge): string | undefined {
  const wrongTime = describeSkew(claim.date, now);
  if (wrongTime !== undefined) return wrongTime;
  if (claim.region !== region || !claim.date.startsWith(claim.day)) {
    return 'Credential should be scoped to a valid region.';
  }
  const isWhole = request.target === '/' && coversAll(request, claim.names.split(';'));
  const isSame = isWhole && timingSafeEqual(Buffer.from(signatureOf(request, claim)), Buffer.from(claim.signature));
  return isSame ? undefined : 'The request signature we calculated does not match the signature you provided.';
}

function describeSkew(date: string, now: number): string | undefined {
  const signedAt = Date.parse(date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  const [ours, early, late] = [now, now - TOLERANCE_MS, now + TOLERANCE_MS].map(basic);
  if (signedAt < now - TOLERANCE_MS)
    return `Signature expired: ${date} is now earlier than ${early ?? ''} (${ours ?? ''} - 5 min.)`;
  if (signedAt > now + TOLERANCE_MS)
    return `Signature not yet current: ${date} is still later than ${late ?? ''} (${ours ?? ''} + 5 min.)`;
  return undefined;
}

function basic(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/[-:]|\.\d+/g, '');
}

/** What says where a request goes and what it is must be signed with it; each of them only once, and in order. */
function coversAll({ headers }: SignedRequest, signed: readonly string[]): boolean {
  const needed = ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))];
  const isOrdered = signed.every((name, at) => at === 0 || (signed[at - 1] ?? '') < name);
  return (
    isOrdered && needed.every((name) => signed.includes(name)) && signed.every((name) => headers[name] !== undefined)
  );
}

export function signatureOf({ method, headers, body }: SignedRequest, claim: Omit<Claim, 'signature'>): string {
  const { date, day, region, names, secret } = claim;
  const scope = `${day}/${region}/sts/aws4_request`;
  const lines = names.split(';').map((name) => `${name}:${(headers[name] ?? '').trim().replace(/ +/g, ' ')}\n`);
  const canonical = [method, '/', '', lines.join(''), names, sha256(body)].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n');
  const key = scope.split('/').reduce<Buffer>((last, part) => hmac(last, part), Buffer.from(`AWS4${secret}`));
  return hmac(key, toSign).toString('hex');
}

function sha256(data: Buffer | string): string {
  return createHash('sha256').update(data).digest('hex');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function refuse(code: string, message: string): Refusal {
  return { status: 403, code, message };
}
