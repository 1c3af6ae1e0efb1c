/**
 * Control, format and lone surrogate characters as escapes, so that a hostile name of a file or a process can neither
 * begin a new line nor steer a terminal.
 */
export function printable(text: string): string {
  // The pattern of all such characters costs more than what is usually asked for.
  if (PLAIN.test(text)) return text;
  return text.replace(
    UNPRINTABLE,
    (character) => SHORT[character] ?? `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`,
  );
}

/** Control, format, line separator and lone surrogate characters. */
export const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const PLAIN = /^[ -~]*$/;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The lines of an output that are not blank, fit to be shown. */
export function linesOf(output = ''): string[] {
  return output.split('\n').flatMap((line) => (line.trim() === '' ? [] : printable(line.trimEnd())));
}

/** Permission bits as chmod takes them: `0640`. */
export function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

/** A word of a shell command for exactly this text: a user may have chosen the name that is copied. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
