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
