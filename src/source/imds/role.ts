import { malformed } from './fault.ts';

/** Of anything printable but what would lead to another path. */
export function isRoleName(name: string): boolean {
  return /^[\x21-\x7e]{1,128}$/.test(name) && !/[/\\<>]/.test(name) && name !== '.' && name !== '..';
}

/** The role of the instance: the first line of the list. Throws IMDS_MALFORMED. */
export function parseRoleList(body: Buffer): string {
  const name = (body.toString('latin1').trim().split('\n')[0] ?? '').trim();
  if (isRoleName(name)) return name;
  const got = name === '' ? 'nothing' : name.startsWith('<') ? 'an HTML page' : 'something else';
  throw malformed(`role list: expected the name of a role, got ${got}`);
}

/**
 * As one segment of a path. What RFC 3986 allows in a segment stays as it is, so that names made of IAM's own
 * alphabet (letters, digits and +=,.@_-) are sent as every SDK sends them, whether or not the service decodes.
 */
export function encodeRole(name: string): string {
  return encodeURIComponent(name).replace(/%(?:2B|3D|2C|40|3A|3B|24|26)/g, decodeURIComponent);
}
