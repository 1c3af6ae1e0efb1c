import { AgentError } from '../core/errors.ts';

/** What a unit file says of the directories that are open, and what it says back. */

/** systemd knows several quotes and escapes, and separates the halves of a bind mount by colons. */
const UNWRITABLE = /["'\\:\p{Cc}]/u;

/** A path as one word, for lists in which `-` in front of it means: if it is there. */
function word(path: string): string {
  if (UNWRITABLE.test(path)) {
    const message = `${JSON.stringify(path)}: expected a path that a unit file can hold, got one with quotes, colons, backslashes or control characters`;
    throw new AgentError('SINK_UNSAFE_PATH', message, { hint: 'choose another directory, or do without harden' });
  }
  return `"-${path.replaceAll('%', '%%')}"`;
}

export function openingLine(setting: 'ReadWritePaths' | 'BindPaths', path: string): string {
  return `${setting}=${word(path)}`;
}

/** The directories that a drop-in opens. */
export function openingsOf(text: string): readonly string[] {
  return [...text.matchAll(/^(?:ReadWritePaths|BindPaths)="-(.*)"$/gm)].map(([, path = '']) =>
    path.replaceAll('%%', '%'),
  );
}
