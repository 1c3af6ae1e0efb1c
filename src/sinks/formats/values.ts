import { formatExpiration } from '../../core/credentials.ts';
import { refusal } from './text.ts';

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

/**
 * A value for a JSON document, where a reader may take any text that has an end and no control characters: some cut at
 * a zero byte, some are made of grep and sed, and half a surrogate pair is nothing that UTF-8 can say.
 */
export function printableText(name: string, value: string): string {
  if (value !== '' && value.isWellFormed() && !/\p{Cc}/u.test(value)) return value;
  throw refusal(
    `${name}: expected text without control characters, got another`,
    'readers of JSON do not agree on such a value: ask who makes the credentials',
  );
}

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
