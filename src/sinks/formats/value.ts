import type { ValueSink } from '../../core/config.ts';
import type { Format } from '../contract.ts';
import { textOf } from './fields.ts';

/** A file that is one value, as secrets of Docker, LoadCredential= and envdir have it: without a newline, which most keep. */
export const value: Format<ValueSink> = {
  render: (_existing, credentials, { field, newline }, origin) => ({
    bytes: Buffer.from(textOf(field, credentials, origin) + (newline ? '\n' : '')),
    warnings: [],
    diff: [`+ the ${field}`],
  }),
  forget: (existing, { field }) => ({
    bytes: existing.length === 0 ? existing : undefined,
    keyIds: field === 'access_key_id' ? [existing.toString().trimEnd()] : [],
    warnings: [],
  }),
};
