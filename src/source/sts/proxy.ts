import type { HttpsOptions } from '../../core/contracts.ts';
import { AgentError } from '../../core/errors.ts';
import type { Environment } from '../../core/contracts.ts';

type Proxy = Required<HttpsOptions>['proxy'];

/**
 * The proxy for an origin, by HTTPS_PROXY and NO_PROXY; of both spellings the small one counts. Throws CONFIG_INVALID,
 * which quotes nothing of a URL that may hold a password.
 */
export function proxyFor(origin: string, env: Environment): Proxy | undefined {
  const name = env['https_proxy'] ? 'https_proxy' : 'HTTPS_PROXY';
  const value = env[name];
  if (!value || isExempt(new URL(origin), env)) return undefined;
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`);
  if (url?.protocol !== 'http:') {
    throw invalid(name, 'http://HOST:PORT', url ? `a URL with ${url.protocol}` : 'something else');
  }
  const { username, password } = url;
  if (username + password === '') return { origin: url.origin };
  try {
    const user = decodeURIComponent(`${username}:${password}`);
    return { origin: url.origin, authorization: `Basic ${Buffer.from(user).toString('base64')}` };
  } catch {
    throw invalid(name, 'a password whose % are encoded as %25', 'another');
  }
}

/** Entries are hosts, with all that is below them, hosts with a port, addresses, or `*`. */
function isExempt({ hostname, port }: URL, env: Environment): boolean {
  const name = env['no_proxy'] ? 'no_proxy' : 'NO_PROXY';
  const entries = (env[name] ?? '')
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '');
  const range = entries.find((entry) => entry.includes('/'));
  if (range !== undefined) {
    throw invalid(name, 'names and single addresses', 'a range of addresses, which has no meaning for names');
  }
  return entries.some((entry) => {
    const host = entry.replace(/^\*?\./, '');
    return (
      entry === '*' ||
      [hostname, `${hostname}:${port || '443'}`].some((own) => own === host || own.endsWith(`.${host}`))
    );
  });
}

function invalid(name: string, expected: string, got: string): AgentError {
  const hint = 'correct the variable in the environment of credrotate: systemctl edit credrotate, Environment=';
  return new AgentError('CONFIG_INVALID', `${name}: expected ${expected}, got ${got}`, { hint });
}
