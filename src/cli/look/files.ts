import type { DotenvSink } from '../../core/config.ts';
import { SAMPLE } from '../sample.ts';
import { previewSinks } from '../../sinks/apply.ts';
import type { LookDeps } from './contract.ts';

/**
 * Texts of files that may be anybody's, read as a sink that stands there would be: with the identity of the path's
 * owner, never a FIFO, never more than a sink may have. A variable that is in no file makes each one differ from what
 * it should be, so that all of it is read. A file that is missing has no text.
 */
export async function readFiles(deps: LookDeps, paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { trustedGroups } = deps.config;
  const wish = { credentials: SAMPLE, origin: {}, rotated: true, trustedGroups };
  const previews = await previewSinks(deps.sinks, { ...wish, sinks: [...new Set(paths)].map(probe) });
  const texts = new Map<string, string>();
  for (const { path, current, error } of previews) {
    if (current) texts.set(path, current.toString().replace(/^\uFEFF/, ''));
    else if (error) deps.miss({ subject: path, reason: error.message });
  }
  return texts;
}

function probe(path: string): DotenvSink {
  const name = (field: string): string => `CREDROTATE_PROBE_${field}`;
  const names = {
    accessKeyId: name('ID'),
    secretAccessKey: name('KEY'),
    sessionToken: name('TOKEN'),
    expiration: null,
  };
  return {
    format: 'dotenv',
    path,
    names,
    prefix: name(''),
    export: false,
    only: false,
    comment: false,
    mode: 0o600,
    notify: [],
  };
}
