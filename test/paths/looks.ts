import assert from 'node:assert/strict';
import { openDirectory, openFile, type FoundDirectory, type FoundFile, type Use } from '../../src/paths/policies.ts';
import type { Walker } from '../../src/paths/walked.ts';

export const BOB = 1000;
export const self: Walker = { uid: process.geteuid?.() ?? 0 };

function describeFound(found: FoundDirectory | FoundFile): string {
  switch (found.kind) {
    case 'refused':
      return `refused: ${found.error.code} ${found.error.message}`;
    case 'directory':
      return [found.held.path, ...(found.missing.length > 0 ? ['+', ...found.missing] : [])].join(' ');
    case 'file':
      return found.held.path;
    case 'user':
      return `uid ${found.uid}${found.isClaim ? ' by claim' : ''} at ${found.at}`;
    case 'volume':
      return `volume at ${found.at}`;
    case 'remote':
      return `remote at ${found.at}`;
    case 'absent':
      return 'absent';
  }
}

export function directoryAt(path: string, walker = self): string {
  using found = openDirectory('sink', path, walker);
  return describeFound(found);
}

export function fileAt(use: Use, path: string, walker = self): string {
  using found = openFile(use, path, walker);
  return describeFound(found);
}

export function refused(found: string, message: RegExp): void {
  assert.match(found, /^refused: /);
  assert.match(found.slice('refused: '.length), message);
}
