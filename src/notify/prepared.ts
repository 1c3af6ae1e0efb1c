import { basename } from 'node:path';
import type { Outcome, ProspectiveProcess } from '../core/prospect.ts';
import type { NotifyResult } from './contract.ts';
import type { Judged } from './signal.ts';

/** A notification of which nothing was sent yet. Processes are held until it is disposed of. */
export interface Prepared extends Disposable {
  /** `SIGHUP`, `systemctl reload web.service`, `run /usr/bin/hook`. */
  readonly action: string;
  readonly processes: readonly ProspectiveProcess[];
  /** Why nothing is to be sent; undefined when it is. */
  readonly result?: Outcome;
  readonly send: () => Promise<NotifyResult>;
}

export function described({ match: { facts, executable }, verdict }: Judged): ProspectiveProcess {
  return {
    pid: facts.pid,
    ...(executable && { program: basename(executable.path) }),
    ...('error' in verdict && { error: verdict.error }),
  };
}
