import type { DotenvSink } from '../../../core/config.ts';
import { ownVariables } from '../../../core/owned.ts';
import type { Forgotten } from '../../contract.ts';
import { applyEdits, decodeText, rendered, withoutMarker } from '../text.ts';
import { readDotenv } from './lines.ts';

/** Takes our variables out of the file, or the whole file where that is ours. */
export function forgetDotenv(existing: Buffer, sink: DotenvSink): Forgotten {
  return rendered(() => {
    const { text, encoding, warnings } = decodeText(existing);
    const { own } = readDotenv(text, ownVariables(sink));
    const isOurs = own.length > 0 || (sink.only && text.trim() !== '');
    const edits = own.map(({ line }) => ({ start: line.start, end: line.next, text: '' }));
    const rest = sink.only ? undefined : withoutMarker(applyEdits(text, edits));
    return {
      bytes: !isOurs ? existing : rest === undefined ? undefined : Buffer.from(rest, encoding),
      keyIds: own
        .flatMap(({ assignments }) => assignments)
        .filter(({ name }) => name === sink.names.accessKeyId)
        .map(({ value }) => value),
      warnings: isOurs ? warnings : [],
    };
  });
}
