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
