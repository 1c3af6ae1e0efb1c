import type { Credentials } from '../core/credentials.ts';
import { Secret } from '../core/secret.ts';

/** Stand in for the credentials, to see what a format says of the file that is there. */
export const SAMPLE: Credentials = {
  accessKeyId: 'ASIASAMPLE0000000000',
  secretAccessKey: new Secret('sample'),
  sessionToken: new Secret('sample'),
  expiration: 0,
};
