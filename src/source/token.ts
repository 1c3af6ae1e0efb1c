import { formatExpiration } from '../core/credentials.ts';
import { AgentError, attempt } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { readNamed } from './named-file.ts';

/** A secret that somebody else renews, and that we show to be given credentials. */
export interface BearerToken {
  readonly value: Secret;
  /** Epoch milliseconds, as whoever made it and the file's clock tell; undefined: it does not say. */
  readonly expiration?: number;
}

/**
 * The token in the file that the setting or variable `name` leads to, as it is now: others replace it at any time, and
 * for a moment there may be none. Throws AgentError: SOURCE_UNREACHABLE, SOURCE_MALFORMED, CONFIG_UNSAFE.
 */
export function readToken(name: string, path: string): BearerToken {
  const { bytes, stat } = readTokenFile(name, path);
  const value = tokenIn(`${name}: ${path}`, bytes.toString('latin1'));
  const expiration = expirationOf(value, Number(stat.mtimeMs));
  return { value, ...(expiration !== undefined && { expiration }) };
}

function readTokenFile(name: string, path: string): ReturnType<typeof readNamed> {
  try {
    return readNamed(name, path);
  } catch (error) {
    if (!(error instanceof AgentError) || error.code === 'CONFIG_UNSAFE') throw error;
    const hint = `whatever makes the token has not done so, or we may not read it: ls -lL ${path}`;
    throw new AgentError('SOURCE_UNREACHABLE', error.message, { hint });
  }
}

/** The most that STS takes. */
const MAX_LENGTH = 20_000;

/** Without the newline at its end that editors make. It is sent in a line of its own: anything else could be further lines. */
export function tokenIn(name: string, text: string): Secret {
  const token = text.replace(/[\r\n]+$/, '');
  const isLine = /^[\x20-\x7e]+$/.test(token) && token.trim() === token;
  if (isLine && token.length <= MAX_LENGTH) return new Secret(token);
  const got = isLine
    ? `${token.length} characters`
    : token === ''
      ? 'nothing'
      : 'line breaks or other characters in it';
  throw new AgentError(
    'SOURCE_MALFORMED',
    `${name}: expected a token in one line of visible ASCII, at most ${MAX_LENGTH} characters, got ${got}`,
    {
      hint: 'whatever makes the token must write it alone, and whole',
    },
  );
}

/** Throws CREDENTIALS_EXPIRED. `now`: epoch milliseconds. */
export function refuseExpired(name: string, { expiration }: BearerToken, now: number): void {
  if (expiration === undefined || expiration > now) return;
  const got = `one that expired at ${formatExpiration(expiration)}`;
  throw new AgentError('CREDENTIALS_EXPIRED', `${name}: expected a token that is good, got ${got}`, {
    hint: 'nobody renews the token any more: for a pod the kubelet does (kubectl describe pod, mounted volumes)',
  });
}

/**
 * A JSON web token says when it ends by the clock of its maker. Ours may be another: the time at which the file was
 * written and the life of the token count as well, whichever gives it longer.
 */
function expirationOf(token: Secret, writtenAt: number): number | undefined {
  const payload = Buffer.from(token.reveal().split('.')[1] ?? '', 'base64url').toString();
  const claims: unknown = attempt(() => JSON.parse(payload) as unknown, undefined);
  if (typeof claims !== 'object' || claims === null || !('exp' in claims)) return undefined;
  const { exp } = claims;
  if (typeof exp !== 'number' || !(exp < 1e11)) return undefined;
  const life = 'iat' in claims && typeof claims.iat === 'number' ? Math.max(exp - claims.iat, 0) : 0;
  return Math.max(exp * 1000, writtenAt + life * 1000);
}
