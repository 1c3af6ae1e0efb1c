import { lookOnDisk } from '../config/on-disk.ts';
import type { Facts } from '../report/assess-contract.ts';
import { judgeKeeper, type Keeper } from '../report/keeper.ts';
import type { StatusReport } from '../report/report.ts';
import type { OnDisk, Status } from '../report/status.ts';
import { hasUnits, lookAtNextPass } from './look/next-pass.ts';
import { loadOptions } from './options.ts';
import type { World } from './world.ts';

/** A status that lies in `runtime`, with what has become of the agent and of the configuration since. */
export async function lookAtFacts(world: World, status: Status, runtime: string): Promise<Facts> {
  const services = await world.services();
  const sight = await lookAtNextPass(world, status.agent, runtime);
  return {
    status,
    keeper: judgeKeeper(status, sight, services.clock.now()),
    onDisk: await lookAtConfiguration(world, status),
    hasUnits: hasUnits(services, runtime),
  };
}

/** What the agent saw, where we may see less. */
export async function lookAtConfiguration(world: World, { configuration }: Status): Promise<OnDisk | undefined> {
  if (!configuration) return undefined;
  const services = await world.services();
  const seen = lookOnDisk(configuration, loadOptions(world, services));
  return seen.state === 'unknown' ? configuration.onDisk : seen;
}

/** The facts that a report was made of. */
export async function factsOf(world: World, report: StatusReport): Promise<Facts> {
  const { by, life, evidence, at, since } = report.nextPass;
  const keeper: Keeper = {
    by,
    life,
    evidence,
    ...(at !== undefined && { at: Date.parse(at) }),
    ...(since !== undefined && { since: Date.parse(since) }),
  };
  const units = hasUnits(await world.services(), world.directories.runtime);
  return { status: report, keeper, onDisk: report.configuration?.onDisk, hasUnits: units };
}
