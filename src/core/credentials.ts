import { digest } from './digest.ts';
import type { Secret } from './secret.ts';

/** Short-lived credentials, validated: every string is non-empty. Times are epoch milliseconds. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken: Secret;
  readonly expiration: number;
  /** Nobody says when they end: they are believed until the expiration, and looked for again before. */
  readonly endsUnknown?: true;
  /** The time of their making, by the source; for the `imds` JSON shape. */
  readonly lastUpdated?: number;
  readonly accountId?: string;
}

/** The identity behind the credentials, and their source. If any of these changes, the credentials count as new. */
export interface Origin {
  /** Scheme, host and port of the service that was asked. */
  readonly endpoint?: string;
  readonly instanceId?: string;
  readonly role?: string;
  readonly accountId?: string;
  /** The region of the service that was asked, or of the instance. */
  readonly region?: string;
  /** The id of the user who decides what the source gives, and so to which account their readers go; unset: root or the agent. */
  readonly user?: number;
}

/** A region may be configured, and says nothing of whose they are. */
const DECISIVE = ['endpoint', 'instanceId', 'role', 'accountId'] as const;

/** The differences between known values. */
export function movesBetween(before: Origin, after: Origin): readonly (typeof DECISIVE)[number][] {
  return DECISIVE.filter((key) => before[key] !== undefined && after[key] !== undefined && before[key] !== after[key]);
}

export type InstanceIdentity = Pick<Origin, 'instanceId' | 'accountId' | 'region'>;

/** Cached instance identity, valid for this boot and endpoint. */
export interface KnownIdentity extends InstanceIdentity {
  readonly instanceId: string;
  readonly accountId: string;
  /** Scheme, host and port of the service that gave it. */
  readonly endpoint: string;
}

/** Tells sets of credentials apart without holding them: safe to store. */
export interface CredentialsVersion extends Pick<Credentials, 'expiration'> {
  /** Of the keys alone: their expiration may change. */
  readonly fingerprint: string;
}

export function versionOf(credentials: Credentials): CredentialsVersion {
  return { fingerprint: fingerprint(credentials), expiration: credentials.expiration };
}

/** The form of key ids of AWS and compatible services. Any other text in place of one may be a secret. */
const KEY_ID = /^(?:A[BKS]IA|ACCA|L[KS]IA)\w{12,124}$/;

export const NOT_SHOWN = '[not shown]';

/** Key ids are shown by their last four characters, everywhere; what does not look like one is not shown. */
export function displayKeyId(accessKeyId: string): string {
  return KEY_ID.test(accessKeyId) ? `…${accessKeyId.slice(-4)}` : NOT_SHOWN;
}

/** Every sink of a pass needs the same fingerprint. */
const fingerprints = new WeakMap<Credentials, string>();

/** Safe to store, since its input cannot be guessed. */
function fingerprint(credentials: Credentials): string {
  const cached = fingerprints.get(credentials);
  if (cached !== undefined) return cached;
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const parts = [accessKeyId, secretAccessKey.reveal(), sessionToken.reveal()];
  const made = digest(parts.map((part) => `${String(part.length)}:${part}`).join(''));
  fingerprints.set(credentials, made);
  return made;
}

/** `2026-11-23T23:00:00Z`: whole seconds and `Z`, the one form that every SDK accepts. Rounds down, never up. */
export function formatExpiration(epochMs: number): string {
  return new Date(Math.floor(epochMs / 1000) * 1000).toISOString().replace('.000Z', 'Z');
}
