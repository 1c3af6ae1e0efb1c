/** Values by the name of their key in lower case. */
export type Fields = ReadonlyMap<string, unknown>;

/** Stands where keys that differ in case alone have different values: nobody can say which one counts. */
export const AMBIGUOUS = Symbol('ambiguous');

/**
 * The fields of a JSON object, whose keys have been seen in several spellings. Undefined for anything else: another
 * value, bytes that are not UTF-8, data after the object.
 */
export function parseFields(body: Buffer): Fields | undefined {
  const value = parseJson(body);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const fields = new Map<string, unknown>();
  for (const [key, field] of Object.entries(value)) {
    const name = key.toLowerCase();
    fields.set(name, fields.has(name) && fields.get(name) !== field ? AMBIGUOUS : field);
  }
  return fields;
}

/** For errors, which must not quote a body. */
export function describeBody(body: Buffer): string {
  const text = body.toString('latin1').trim();
  if (text === '') return 'nothing';
  if (text.startsWith('<')) return 'an HTML page';
  return `${body.length} bytes of something else`;
}

/** The parser's own error quotes what it read, and so is dropped. */
function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

const PATTERN = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):?(\d\d))$/i;

/**
 * A date-time of RFC 3339 (also with `+0000` for its offset) as epoch milliseconds; what is finer is cut off.
 * Undefined for anything else, such as dates that do not exist and times without an offset.
 */
export function parseRfc3339(text: string): number | undefined {
  const [, date = '', time = '', fraction = '', sign, hours = '00', minutes = '00'] = PATTERN.exec(text) ?? [];
  const utc = `${date}T${time}.${fraction.padEnd(3, '0').slice(0, 3)}Z`;
  const epochMs = Date.parse(utc);
  // The platform's parser takes 31 February for 3 March, and 24:00 for the next day.
  if (Number.isNaN(epochMs) || new Date(epochMs).toISOString() !== utc) return undefined;
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined;
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return sign === '-' ? epochMs + offset : epochMs - offset;
}
