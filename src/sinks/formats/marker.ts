import type { AwsCredentialsSink, DotenvSink } from '../../core/config.ts';
import { MARKER } from '../../core/marker.ts';

/** What a file begins with that we make. One that was there, even empty, never gets it, so that its bytes stay. */
export function startOf({ comment }: Pick<AwsCredentialsSink | DotenvSink, 'comment'>): Buffer {
  return Buffer.from(comment ? `${MARKER}\n` : '');
}

/** What is left of a text when the marker is taken for nothing; undefined when it is nothing at all. */
export function withoutMarker(text: string): string | undefined {
  const rest = text.startsWith(`${MARKER}\n`) ? text.slice(MARKER.length + 1) : text;
  return rest.trim() === '' ? undefined : rest;
}
