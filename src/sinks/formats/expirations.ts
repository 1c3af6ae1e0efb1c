import { formatExpiration } from '../../core/credentials.ts';

/**
 * The expiration in the form in which one stands: RFC 3339, or seconds or milliseconds since 1970. Undefined when what
 * stands is another number, such as a duration, and so not ours.
 */
export function followed(standing: string, expiration: number): string | undefined {
  if (!/^\d+(\.\d+)?$/.test(standing)) return formatExpiration(expiration);
  const length = standing.split('.')[0]?.length;
  if (length === 13) return String(expiration);
  return length === 10 ? String(Math.floor(expiration / 1000)) : undefined;
}
