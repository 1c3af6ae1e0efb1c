import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Authority {
  /** A file with the certificate of the authority. */
  readonly file: string;
  /** PEM. */
  readonly key: string;
  readonly cert: string;
}

/**
 * An authority of its own in `directory`, and a certificate by it for these names: `DNS:localhost`, `IP:127.0.0.1`. Takes
 * openssl(1).
 */
export function writeAuthority(directory: string, names = ['DNS:localhost', 'IP:127.0.0.1', 'IP:::1']): Authority {
  const at = (name: string): string => join(directory, name);
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...fresh, '-subj', '/CN=Test authority', '-keyout', 'ca.key', '-out', 'ca.pem');
  writeFileSync(at('names'), `subjectAltName=${names.join(',')}\n`);
  openssl('req', ...fresh.slice(0, 5), '-subj', '/CN=Test server', '-keyout', 'server.key', '-out', 'server.csr');
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names'];
  openssl('x509', '-req', '-in', 'server.csr', ...signed, '-out', 'server.pem');
  const [key, cert] = ['server.key', 'server.pem'].map((name) => readFileSync(at(name), 'utf8'));
  return { file: at('ca.pem'), key: key ?? '', cert: cert ?? '' };
}
