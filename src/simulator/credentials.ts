import { randomBytes, randomInt } from 'node:crypto';
import { formatExpiration } from '../core/credentials.ts';
import { AgentError } from '../core/errors.ts';

/** Made-up credentials in the shape of real ones. Times are epoch milliseconds, whole seconds. */
export interface IssuedCredentials {
  /** Counts from 1; another number means other credentials. */
  readonly generation: number;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly token: string;
  readonly lastUpdated: number;
  readonly expiration: number;
}

export interface IssuerOptions {
  readonly lifetime: number;
  readonly rotateEvery: number;
  readonly now: () => number;
}

/** Issues credentials on a schedule, looked at when somebody asks: nothing runs in between. */
export class Issuer {
  readonly #options: IssuerOptions;
  #issuedAt: number;
  #credentials: IssuedCredentials;

  /** Throws `USAGE`. */
  constructor(options: IssuerOptions) {
    for (const name of ['lifetime', 'rotateEvery'] as const) {
      if (!(options[name] > 0))
        throw new AgentError('USAGE', `simulator ${name}: expected more than 0 ms, got ${options[name]}`);
    }
    this.#options = options;
    this.#issuedAt = options.now();
    this.#credentials = issue(1, this.#issuedAt, options.lifetime);
  }

  current(): IssuedCredentials {
    const periods = Math.floor((this.#options.now() - this.#issuedAt) / this.#options.rotateEvery);
    if (periods >= 1) this.#issue(this.#issuedAt + periods * this.#options.rotateEvery);
    return this.#credentials;
  }

  nextRotation(): number {
    this.current();
    return this.#issuedAt + this.#options.rotateEvery;
  }

  /** New credentials at once; the schedule starts over. */
  rotate(): void {
    this.#issue(this.#options.now());
  }

  #issue(at: number): void {
    this.#issuedAt = at;
    this.#credentials = issue(this.#credentials.generation + 1, at, this.#options.lifetime);
  }
}

/** What the service answers for a role. */
export function credentialsDocument(credentials: IssuedCredentials): Record<string, unknown> {
  return {
    Code: 'Success',
    LastUpdated: formatExpiration(credentials.lastUpdated),
    Type: 'AWS-HMAC',
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    Token: credentials.token,
    Expiration: formatExpiration(credentials.expiration),
  };
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** Real session tokens begin so, and are about this long; 592 bytes make base64 that ends with padding. */
const TOKEN_PREFIX = 'IQoJb3JpZ2luX2Vj';
const TOKEN_BYTES = 592;

function issue(generation: number, at: number, lifetime: number): IssuedCredentials {
  return {
    generation,
    accessKeyId: uniqueId('ASIA'),
    secretAccessKey: randomBytes(30).toString('base64'),
    token: sessionToken(),
    lastUpdated: wholeSeconds(at),
    expiration: wholeSeconds(at + lifetime),
  };
}

/** AWS's unique identifiers: four letters for the kind and sixteen of base32. */
export function uniqueId(kind: string): string {
  return kind + Array.from({ length: 16 }, () => BASE32.charAt(randomInt(BASE32.length))).join('');
}

/** `/`, `+` and `=` are always there: they are what readers of the files trip over. */
function sessionToken(): string {
  return `${TOKEN_PREFIX}/+${randomBytes(TOKEN_BYTES).toString('base64')}`;
}

function wholeSeconds(epochMs: number): number {
  return Math.floor(epochMs / 1000) * 1000;
}
