import { STATUS_CODES } from 'node:http';

/** How an answer goes out; unset: whole and at once. `cut` ends the connection in the middle of the body. */
export type Delivery = 'hang' | 'hang-body' | 'drip' | 'cut' | 'reset';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly delivery?: Delivery;
}

export function plain(body: string | Buffer, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status: 200, headers: { 'content-type': 'text/plain', ...headers }, body: Buffer.from(body) };
}

/** Errors of the real service are XHTML pages, whatever the client accepts. */
export function errorPage(status: number): Answer {
  const title = `${status} - ${STATUS_CODES[status] ?? 'Error'}`;
  return { status, headers: { 'content-type': 'text/html' }, body: Buffer.from(page(title)) };
}

export function page(title: string): string {
  return `<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
\t\t "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>${title}</title>
 </head>
 <body>
  <h1>${title}</h1>
 </body>
</html>
`;
}

export function methodNotAllowed(allow: string): Answer {
  return { status: 405, headers: { 'content-type': 'text/plain', allow }, body: Buffer.alloc(0) };
}

/** The layout of the real service: two spaces, and a space before the colon. */
export function prettyJson(document: object): string {
  return JSON.stringify(document, null, 2).replace(/^(\s+"[^"]+"):/gm, '$1 :');
}
