import type { TemplateSink } from '../../core/config.ts';
import { type Filter, parseTemplate, placeholdersOf } from '../../core/template.ts';
import type { Format } from '../contract.ts';
import { textOf } from './fields.ts';
import { plain, refusal } from './text.ts';

/** A whole file of its own: the template with values in place of its placeholders. */
export const template: Format<TemplateSink> = {
  render: (_existing, credentials, { template: source, escape, delimiters }, origin) => {
    const parsed = parseTemplate(source, delimiters);
    const texts = parsed.parts.map((part) => {
      if (typeof part === 'string') return part;
      const { field, filter = escape } = part;
      return escaped(field, textOf(field, credentials, origin), filter);
    });
    const diff = placeholdersOf(parsed).map(({ field, filter = escape, line }) => {
      const name = filter === undefined ? field : `${field} | ${filter}`;
      return `+ line ${line}: ${delimiters[0]} ${name} ${delimiters[1]}`;
    });
    return { bytes: Buffer.from(texts.join('')), warnings: [], diff };
  },
  forget: (existing) => ({ bytes: existing.length === 0 ? existing : undefined, keyIds: [], warnings: [] }),
};

/** Throws a refusal for what the filter cannot carry: it is never bent. */
function escaped(field: string, text: string, filter: Filter | undefined): string {
  if (filter === undefined) return plain(field, text, 'name the filter of what reads the file');
  const written = ESCAPES[filter](text);
  if (written !== undefined) return written;
  throw refusal(`${field}: expected text that ${filter} can carry, got another`, 'ask who makes the credentials');
}

/**
 * A literal that its reader takes for exactly the text. All but raw, xml, properties and url give a whole literal,
 * quotes included. There are no control characters: no field has them.
 */
const ESCAPES: Readonly<Record<Filter, (text: string) => string | undefined>> = {
  json: (text) => JSON.stringify(text),
  yaml: (text) => JSON.stringify(text),
  toml: (text) => JSON.stringify(text),
  xml: (text) => text.replace(/[&<>"'\u2028]/g, (character) => ENTITIES[character] ?? character),
  php: (text) => `'${text.replace(/[\\']/g, '\\$&')}'`,
  // Escaped, one of PHP's two modes reads another text.
  'php-ini': (text) => (/["\\$]/.test(text) ? undefined : `"${text}"`),
  properties: (text) =>
    text
      .replaceAll('\\', '\\\\')
      .replace(/^ /, '\\ ')
      .replace(/[^ -~]/g, unicodeEscape),
  shell: (text) => `'${text.replaceAll("'", "'\\''")}'`,
  url: (text) => encodeURIComponent(text).replace(/[!'()*]/g, percentEscape),
  // It has no way to write a dollar.
  nginx: (text) => (text.includes('$') ? undefined : `"${text.replace(/[\\"]/g, '\\$&')}"`),
  systemd: (text) => `"${text.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%')}"`,
  raw: (text) => text,
};

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  // A line end for readers of XML 1.1, and for some of 1.0.
  '\u2028': '&#8232;',
};

function unicodeEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}

function percentEscape(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
