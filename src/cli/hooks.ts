import type { HookOutputs } from '../report/print-report.ts';
import { readState } from '../rotation/store.ts';
import { stateDirectory } from '../agent/published.ts';
import type { World } from '../agent/world.ts';

/** The end of what hooks last printed, by the names of consumers. It may say more than all are to know: root alone sees it. */
export function hookOutputs(world: World): HookOutputs {
  if (world.uid !== 0) return {};
  const { consumers } = readState(stateDirectory(world));
  return Object.fromEntries(Object.entries(consumers).map(([name, { hook }]) => [name, hook?.output ?? '']));
}
