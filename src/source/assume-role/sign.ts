import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { clearCredentialCache, SignatureV4 } from '@smithy/signature-v4';
import type { Credentials } from '../../core/credentials.ts';
import { AgentError } from '../../core/errors.ts';

type Bytes = string | ArrayBuffer | ArrayBufferView;

/** The signer's hash: SHA-256, or with a key its HMAC. Node's crypto module takes longer to load. */
class Sha256 {
  readonly #hash: { update(data: Uint8Array): unknown; digest(): Uint8Array };

  constructor(key?: Bytes) {
    this.#hash = key === undefined ? sha256.create() : hmac.create(sha256, bytesOf(key));
  }

  update(data: Bytes): void {
    this.#hash.update(bytesOf(data));
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {
    throw new Error('a hash is used once');
  }
}

function bytesOf(data: Bytes): Uint8Array {
  if (typeof data === 'string') return utf8ToBytes(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

export interface ToSign {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface Signer {
  readonly credentials: Credentials;
  /** Of the signature, not of the host. */
  readonly region: string;
  /** By the clock of STS; epoch milliseconds. */
  readonly now: number;
}

/**
 * The headers of a POST to `/` of STS, signed (Signature Version 4), `host` among them. Throws CREDENTIALS_EXPIRED: the
 * signer itself would sign with expired credentials as well.
 */
export async function sign(request: ToSign, { credentials, region, now }: Signer): Promise<Record<string, string>> {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = credentials;
  if (expiration <= now) {
    throw new AgentError('CREDENTIALS_EXPIRED', 'base credentials: expected some that are good, got expired ones');
  }
  const { host, hostname, protocol } = new URL(request.origin);
  const keys = { accessKeyId, secretAccessKey: secretAccessKey.reveal(), sessionToken: sessionToken.reveal() };
  const signer = new SignatureV4({ service: 'sts', region, credentials: keys, sha256: Sha256, applyChecksum: false });
  const { body } = request;
  const headers = { ...request.headers, host };
  try {
    const asked = { method: 'POST', protocol, hostname, path: '/', query: {}, headers, body };
    const signed = await signer.sign(asked, { signingDate: new Date(now) });
    return signed.headers;
  } finally {
    // It keeps what it derived under names that hold the session token in clear.
    clearCredentialCache();
  }
}
