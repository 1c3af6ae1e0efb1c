import type { Credentials } from '../../src/core/credentials.ts';
import { Secret } from '../../src/core/secret.ts';

export const HOUR = 3_600_000;
/** A fixed moment for injected clocks: 2026-11-23T12:00:00Z. */
export const NOON = Date.UTC(2026, 10, 23, 12);

/** Credentials that differ by `name` and are good until six hours after noon. */
export function credentials(name: string, change: Partial<Credentials> = {}): Credentials {
  return {
    accessKeyId: `ASIAEXAMPLE00000${name.padStart(4, '0')}`,
    secretAccessKey: new Secret(`secret/${name}+`.padEnd(40, 'x')),
    sessionToken: new Secret(`token/${name}==`),
    expiration: NOON + 6 * HOUR,
    ...change,
  };
}
