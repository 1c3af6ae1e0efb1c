import { refusal } from './refusal.ts';

/**
 * A value that every reader of INI and dotenv files takes as it stands: nothing that anyone would cut off, unquote,
 * expand or take for the next line. AWS makes no others.
 */
export function plain(name: string, value: string): string {
  if (/^[A-Za-z0-9+/=_.:@,-]+$/.test(value)) return value;
  throw refusal(
    `${name}: expected only letters, digits and + / = _ . : @ , -, got another character`,
    'write this sink as json: readers of this format do not agree on such a value',
  );
}
