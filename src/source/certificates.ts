import type { Environment } from '../core/contracts.ts';
import { AgentError } from '../core/errors.ts';
import { readNamed } from './named-file.ts';

/**
 * The certificates (PEM) that replace Node's roots: of `ca_file`, else of the file that the AWS SDKs, else OpenSSL
 * would take. Undefined where none is named. Throws AgentError: CONFIG_INVALID, CONFIG_UNREADABLE or CONFIG_UNSAFE.
 */
export function readCertificates(caFile: string | undefined, env: Environment, uid?: number): string | undefined {
  const [name, path] = [
    ['ca_file', caFile] as const,
    ...(['AWS_CA_BUNDLE', 'SSL_CERT_FILE'] as const).map((variable) => [variable, env[variable]] as const),
  ].find(([, value]) => value) ?? ['', undefined];
  if (!path) return undefined;
  const text = readNamed(name, path, uid).bytes.toString('latin1');
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  const hint = 'name the file with the certificates of the authority';
  throw new AgentError('CONFIG_INVALID', `${name}: ${path}: expected certificates as PEM, got a file without any`, {
    hint,
  });
}
