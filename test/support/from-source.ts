import { join } from 'node:path';

/** Node, as scripts/node.sh starts it: what runs from the sources has the stand-ins of the product. */
export const FROM_SOURCE: readonly [string, ...string[]] = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  `--import=${join(import.meta.dirname, '../../scripts/unbundled.ts')}`,
];
