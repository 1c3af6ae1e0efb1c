import { AgentError, describeForeign } from '../../core/errors.ts';
import { readFile } from '../../files/read.ts';
import { Held } from '../../paths/held.ts';
import { errorOf, openFile } from '../../paths/policies.ts';
import type { Environment } from '../../core/contracts.ts';

/**
 * The certificates (PEM) that replace Node's roots: of `ca_file`, else of the file that the AWS SDKs, else OpenSSL
 * would take. Undefined where none is named. The writer of that file decides who may play STS, so that it is read as a
 * configuration is. Throws AgentError: CONFIG_INVALID, CONFIG_UNREADABLE or CONFIG_UNSAFE.
 */
export function readCertificates(caFile: string | undefined, env: Environment, uid: number): string | undefined {
  const [name, path] = [
    ['ca_file', caFile] as const,
    ...(['AWS_CA_BUNDLE', 'SSL_CERT_FILE'] as const).map((variable) => [variable, env[variable]] as const),
  ].find(([, value]) => value) ?? ['', undefined];
  if (!path) return undefined;
  const text = read(name, path, uid);
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw trouble('CONFIG_INVALID', `${name}: ${path}: expected certificates as PEM, got a file without any`);
}

function read(name: string, path: string, uid: number): string {
  try {
    using held = uid === 0 ? judged(path) : Held.unjudged(path);
    return readFile(held, { notRegular: 'CONFIG_UNREADABLE', tooLarge: 'CONFIG_INVALID' }).bytes.toString('latin1');
  } catch (error) {
    if (error instanceof AgentError) throw trouble(error.code, `${name}: ${error.message}`, error.hint);
    throw trouble('CONFIG_UNREADABLE', `${name}: ${path}: expected a file, got ${describeForeign(error)}`);
  }
}

function judged(path: string): Held {
  const found = openFile('configuration', path, { uid: 0 });
  if (found.kind === 'file') return found.held;
  found[Symbol.dispose]();
  throw errorOf('configuration', path, found);
}

function trouble(
  code: AgentError['code'],
  message: string,
  hint = 'name the file with the certificates of the authority',
): AgentError {
  return new AgentError(code, message, { hint });
}
