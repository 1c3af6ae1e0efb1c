import type { Secret } from './secret.ts';

/** Characters that are kept of an output, from its end. */
export const KEPT = 4 * 1024;

/** Bytes that are read of it: enough to recognise a secret whose start is cut off. */
export const READ = 16 * 1024;

const MASK = '[secret]';

/** A word that may be or hold a secret: text, base64 of both alphabets, and the escapes of URLs and JSON. */
const WORD = /[A-Za-z0-9+/%_\\-]{8,}/g;

/** A key's id, and a token of Vault. */
const KEY_ID = /\bA[A-Z]{3}[A-Z2-7]{12,}|\b(?:hv)?[sbr]\.[\w-]{20,}/g;

/** `aws_secret_access_key = …`, `"Token": "…"`, `Authorization: Bearer …`. */
const NAMED =
  /((?:secret|token|passw|\bpin\b|credential|authorization|api_?key|access_?key)[\w.-]*["']?\s*[=:]+>?\s*["']?(?:Bearer\s+|Basic\s+)?)[^\s"',;]{4,}/gi;

/**
 * The end of a program's output, at most 4,096 characters: these secrets, parts of them, and everything like a key or a
 * token are masked.
 */
export function mask(output: string, secrets: readonly Secret[]): string {
  const isCut = Buffer.byteLength(output) >= READ;
  // The first word may be the end of a secret.
  const whole = isCut ? output.replace(/^\S*/, '') : output;
  return hide(whole, secrets)
    .replaceAll(WORD, (word) => (looksSecret(word) ? MASK : word))
    .replaceAll(KEY_ID, MASK)
    .replaceAll(NAMED, `$1${MASK}`)
    .slice(-KEPT);
}

/** The text without these secrets and parts of them. */
export function hide(text: string, secrets: readonly Secret[]): string {
  const plain = secrets.map((secret) => secret.reveal()).filter((secret) => secret.length >= SHORTEST);
  const forms = plain.flatMap(formsOf);
  const shown = text.replaceAll(WORD, (word) => (isPart(word, forms) ? MASK : word));
  // One of several short words.
  return plain.reduce((rest, secret) => rest.replaceAll(secret, MASK), shown);
}

/** Like the 40 random characters of base64 in a secret key, or a long hexadecimal number. */
function looksSecret(word: string): boolean {
  const long = 32;
  if (word.length < long) return false;
  return (/[a-z]/.test(word) && /[A-Z]/.test(word) && /\d/.test(word)) || /^[\da-f]+$/i.test(word);
}

function isPart(word: string, forms: readonly string[]): boolean {
  const plain = word
    .replaceAll('\\', '')
    .replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  const standard = plain.replaceAll('-', '+').replaceAll('_', '/');
  return [plain, standard].some((text) => forms.some((form) => form.includes(text) || text.includes(form)));
}

/** Shorter ones are in every text. */
const SHORTEST = 4;

/** The secret, and its base64 at each offset in a longer text: three bytes become four characters. */
function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const encoded = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    return text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
  });
  return [secret, ...encoded].filter((form) => form.length >= SHORTEST);
}
