import type { Status } from '../../src/report/schema.ts';
import { eventually } from '../support/eventually.ts';
import type { Machine } from './machine.ts';
import type { metadataOf } from './machine-metadata.ts';

export interface Notified {
  readonly result: string | undefined;
  readonly error: string | undefined;
  readonly message: string;
  readonly hint: string;
  /** How many times, in this pass. */
  readonly count: number;
}

/** What has become of each consumer in a rotation. */
export async function rotated(
  machine: Machine,
  metadata: Pick<ReturnType<typeof metadataOf>, 'rotate'>,
): Promise<Readonly<Record<string, Notified>>> {
  const look = async (): Promise<Status> =>
    JSON.parse((await machine.run(['credrotate', 'status', '--json'])).stdout) as Status;
  const tried = async (rotation: number): Promise<Status> => {
    const isTried = ({ known, error, result }: Status['consumers'][number]): boolean =>
      known?.generation === rotation || error !== undefined || result === 'not_running';
    let status = await look();
    try {
      await eventually(`all have been tried in rotation ${rotation}`, async () => {
        status = await look();
        return status.generation === rotation && status.consumers.every(isTried);
      });
    } catch (error) {
      const untried = JSON.stringify(status.consumers.filter((consumer) => !isTried(consumer)));
      throw new Error(`${String(error)} (${status.generation}): ${untried}`, { cause: error });
    }
    return status;
  };
  const { counters, generation } = await tried((await look()).generation);
  await metadata.rotate();
  await machine.run(['credrotate', 'refresh']);
  const after = await tried(generation + 1);
  return Object.fromEntries(
    after.consumers.map(({ name, result, error: { code, message = '', hint = '' } = {} }) => {
      const count = (after.counters.notifications[name]?.notified ?? 0) - (counters.notifications[name]?.notified ?? 0);
      return [name, { result, error: code, message, hint, count }];
    }),
  );
}
