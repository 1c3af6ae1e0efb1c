import type { JsonSink } from '../../core/config.ts';
import { secretPlaces } from '../../core/owned.ts';
import type { Forgotten } from '../contract.ts';
import { cutFromJson, stringsAt } from './json-cut.ts';
import { readDocument } from './json.ts';
import { rendered } from './refusal.ts';

/** Takes our values out of the document, or the whole file where that is ours. */
export function forgetJson(existing: Buffer, { content }: JsonSink): Forgotten {
  return rendered(() => {
    const text = readDocument(existing);
    const isShaped = 'shape' in content;
    const place = isShaped ? ['AccessKeyId'] : content.keys.accessKeyId;
    const rest = isShaped ? wholeOf(text) : cutFromJson(text, Object.values(content.keys), secretPlaces(content.keys));
    return {
      bytes: rest === text ? existing : rest === undefined ? undefined : Buffer.from(rest),
      keyIds: place === undefined ? [] : stringsAt(text, place),
      warnings: [],
    };
  });
}

/** Undefined for every document with something in it. */
function wholeOf(text: string): string | undefined {
  return text === '{}\n' ? text : undefined;
}
