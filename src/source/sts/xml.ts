import { attempt } from '../../core/errors.ts';

/** A tag with its attributes, or the text up to the next tag. Declarations (`<!`) are neither. */
const TOKEN = /<(\/?)([A-Za-z_][\w.-]*)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/y;
const DECLARATION = /^\uFEFF?(?:<\?xml[^?<>]*\?>)?/;
/** Far more than any answer of STS. */
const MAX_DEPTH = 16;
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

interface XmlElement {
  readonly path: string;
  readonly children: Set<string>;
  text: string;
}

/**
 * The text of each element that holds nothing but text, by its path: `ErrorResponse/Error/Code`. Undefined for what is
 * not one whole document of plain elements in UTF-8: a DTD, a comment, an entity of its own, text beside elements, or
 * an element that is there twice. Attributes are dropped.
 */
export function readLeaves(body: Buffer): ReadonlyMap<string, string> | undefined {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  return attempt(() => readDocument(decoder.decode(body)), undefined);
}

/** Throws for anything else. */
function readDocument(text: string): ReadonlyMap<string, string> {
  const leaves = new Map<string, string>();
  const root: XmlElement = { path: '', children: new Set(), text: '' };
  const open = [root];
  let at = DECLARATION.exec(text)?.[0].length ?? 0;
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text);
    if (token === null) throw new Error('no plain XML');
    at = TOKEN.lastIndex;
    take(token, open, leaves);
  }
  if (open.length !== 1 || root.children.size !== 1 || root.text.trim() !== '')
    throw new Error('not one whole element');
  return leaves;
}

function take(token: RegExpExecArray, open: XmlElement[], leaves: Map<string, string>): void {
  const [, closes, name, , closesItself, text] = token;
  const innermost = open.at(-1);
  if (innermost === undefined) throw new Error('an end without a beginning');
  if (name === undefined) innermost.text += decode(text ?? '');
  else if (closes === '/') close(name, open, leaves);
  else {
    begin(name, innermost, open);
    if (closesItself === '/') close(name, open, leaves);
  }
}

function begin(name: string, parent: XmlElement, open: XmlElement[]): void {
  if (parent.children.has(name) || open.length > MAX_DEPTH) throw new Error('an element twice, or too deep');
  parent.children.add(name);
  open.push({ path: parent.path === '' ? name : `${parent.path}/${name}`, children: new Set(), text: '' });
}

function close(name: string, open: XmlElement[], leaves: Map<string, string>): void {
  const element = open.pop();
  if (element?.path.split('/').at(-1) !== name) throw new Error('another end');
  if (element.children.size === 0) leaves.set(element.path, element.text);
  else if (element.text.trim() !== '') throw new Error('text beside elements');
}

function decode(text: string): string {
  return text.replace(/&([^;&]*);?/g, (whole, name: string) => {
    const [, hex, decimal] = /^#(?:x([0-9A-Fa-f]{1,6})|(\d{1,7}))$/.exec(name) ?? [];
    const named = Object.hasOwn(ENTITIES, name) ? ENTITIES[name] : undefined;
    const decoded = named ?? String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16));
    if (!whole.endsWith(';')) throw new Error('an entity without an end');
    return decoded;
  });
}
