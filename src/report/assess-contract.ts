import type { Finding, Remedy } from '../core/findings.ts';
import type { ExitCode } from '../core/exit.ts';
import type { Keeper } from './keeper.ts';
import type { OnDisk, Status } from './status.ts';

/** All that the assessment goes by. */
export interface Facts {
  /** As the last pass left it. */
  readonly status: Status;
  readonly keeper: Keeper;
  /** Undefined when the configuration is that of a command line. */
  readonly onDisk: OnDisk | undefined;
  /** Whether systemd is the service manager, and this the agent that its units are of. */
  readonly hasUnits: boolean;
}

export interface Context extends Facts {
  /** Epoch milliseconds. */
  readonly now: number;
  /** Of the credentials in the files, in milliseconds; undefined when there are none. */
  readonly left: number | undefined;
  readonly host: HostSteps;
}

/** A finding, and the exit code that it means for each command; none, where it does not touch it. */
export interface Judged extends Finding {
  readonly exits: { readonly once?: ExitCode; readonly refresh?: ExitCode; readonly status?: ExitCode };
}

export function everywhere(code: ExitCode): Judged['exits'] {
  return { once: code, refresh: code, status: code };
}

/** What an administrator does on this host, in the mode that it is in. */
export interface HostSteps {
  /** Has a pass made now. */
  readonly pass: string;
  /** The same, taking what the source gives. */
  readonly accept: string;
  /** Has passes made from now on. */
  readonly start: Remedy;
}

export function hostOf({ status, keeper, hasUnits }: Facts): HostSteps {
  const sudo = status.agent.uid === 0 ? 'sudo ' : '';
  const isAgent = keeper.by === 'agent';
  const once = keeper.by === 'timer' ? `${sudo}systemctl start credrotate-once` : `${sudo}credrotate once`;
  return {
    pass: isAgent ? `${sudo}credrotate refresh` : once,
    accept: isAgent ? `${sudo}credrotate refresh --accept` : `${sudo}credrotate once --accept`,
    start: startOf(status, hasUnits, sudo),
  };
}

function startOf({ agent }: Status, hasUnits: boolean, sudo: string): Remedy {
  if (!hasUnits) {
    return { text: 'keep an agent, or tell once how often it is started (--every 5m)', line: `${sudo}credrotate run` };
  }
  if (agent.mode === 'run')
    return { text: 'see why with systemctl status credrotate, and start it', line: 'sudo systemctl start credrotate' };
  const text = 'start the timer or the agent, or tell once how often it is started (--every 5m)';
  return { text, line: 'sudo systemctl enable --now credrotate.timer' };
}
