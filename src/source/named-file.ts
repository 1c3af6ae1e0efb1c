import { AgentError, describeForeign } from '../core/errors.ts';
import { readFile, type ReadFile } from '../files/read.ts';
import { Held } from '../paths/held.ts';
import { errorOf, openFile } from '../paths/policies.ts';

/**
 * The file that the setting or variable `name` leads to. Its writer decides about secrets or trust, so that it is read
 * as a configuration is: for root, only where root alone can change it. Throws AgentError: CONFIG_INVALID (too large),
 * CONFIG_UNREADABLE or CONFIG_UNSAFE.
 */
export function readNamed(name: string, path: string, uid = process.getuid?.() ?? 0): ReadFile {
  const trouble = (code: AgentError['code'], message: string, hint = `see who may read and write it: ls -lL ${path}`) =>
    new AgentError(code, `${name}: ${message}`, { hint });
  try {
    using held = uid === 0 ? judged(path) : Held.unjudged(path);
    return readFile(held, { notRegular: 'CONFIG_UNREADABLE', tooLarge: 'CONFIG_INVALID' });
  } catch (error) {
    if (error instanceof AgentError) throw trouble(error.code, error.message, error.hint);
    throw trouble('CONFIG_UNREADABLE', `${path}: expected a file, got ${describeForeign(error)}`);
  }
}

function judged(path: string): Held {
  const found = openFile('configuration', path, { uid: 0 });
  if (found.kind === 'file') return found.held;
  found[Symbol.dispose]();
  throw errorOf('configuration', path, found);
}
