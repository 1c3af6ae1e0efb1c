import { basename } from 'node:path';
import type { Outcome, ProspectiveProcess } from '../core/prospect.ts';
import type { NotifyResult } from './contract.ts';
import { pathOf, type Match } from './match.ts';
import type { Verdict } from './receive.ts';

/** A process, and whether it is to get the signal. */
export interface Judged {
  readonly match: Match;
  readonly verdict: Verdict | { readonly kind: 'notified' };
}

/** A notification of which nothing was sent yet. Processes are held until it is disposed of. */
export interface Prepared extends Disposable {
  /** `SIGHUP`, `systemctl reload web.service`, `run /usr/bin/hook`. */
  readonly action: string;
  readonly processes: readonly ProspectiveProcess[];
  /** Why nothing is to be sent; undefined when it is. */
  readonly result?: Outcome;
  readonly send: () => Promise<NotifyResult>;
}

export function described({ match, verdict }: Judged): ProspectiveProcess {
  const path = pathOf(match);
  return {
    pid: match.facts.pid,
    ...(path !== undefined && { program: basename(path) }),
    ...('error' in verdict && { error: verdict.error }),
  };
}
