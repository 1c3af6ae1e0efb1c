import type { DotenvSink } from '../../core/config.ts';
import type { Forgotten } from '../contract.ts';
import { findAssignments } from './dotenv-lines.ts';
import { followedNames } from './dotenv.ts';
import { rendered } from './refusal.ts';
import { applyEdits, decodeText } from './text.ts';

/** Takes our variables out of the file, or the whole file where that is ours. */
export function forgetDotenv(existing: Buffer, sink: DotenvSink): Forgotten {
  return rendered(() => {
    const { text, encoding, warnings } = decodeText(existing);
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = sink.names;
    const names = [accessKeyId, secretAccessKey, sessionToken, ...Object.values(followedNames(sink))];
    const found = findAssignments(text, new Set(expiration === null ? names : [...names, expiration]));
    const isOurs = found.length > 0 || (sink.only && text.trim() !== '');
    const rest = sink.only
      ? ''
      : applyEdits(
          text,
          found.map(({ line }) => ({ start: line.start, end: line.next, text: '' })),
        );
    return {
      bytes: !isOurs ? existing : rest.trim() === '' ? undefined : Buffer.from(rest, encoding),
      keyIds: found
        .filter(({ name }) => name === accessKeyId)
        .map(({ line }) => line.text.slice(line.text.search(/[=:]/) + 1).trim()),
      warnings: isOurs ? warnings : [],
    };
  });
}
