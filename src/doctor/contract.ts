import type { SystemdConsumer } from '../core/config.ts';
import type { ErrorInfo } from '../core/errors.ts';
import type { ProspectiveProcess } from '../core/outcomes.ts';

export interface Unseen {
  readonly subject: string;
  readonly reason: string;
}

export interface SinkFacts {
  readonly path: string;
  readonly name: string;
  /** Why a pass would not write it. */
  readonly trouble?: ErrorInfo;
  readonly warnings: readonly string[];
  readonly isMountPoint: boolean;
  /** The setting of the agent's unit that keeps it away: `ProtectHome=yes`. */
  readonly closedBy?: string;
  /** The key ids in our places, as they are shown. */
  readonly keyIds: readonly string[];
  /** The setting of its reader that has it never read again, where nobody is notified. */
  readonly cachedBy?: string;
  readonly profile?: ProfileFacts;
}

export interface ProfileFacts {
  readonly name: string;
  /** Whether root's own tools read the file by default. */
  readonly isRoots: boolean;
  /** Keys of the profile by which SDKs get credentials another way, here and in the `config` file beside it. */
  readonly others: readonly { readonly key: string; readonly where: string }[];
}

export interface ConsumerFacts {
  readonly name: string;
  readonly notifiedBy: 'reload' | 'restart' | 'signal' | 'hook';
  readonly sinks: readonly { readonly path: string; readonly format: string; readonly profile?: string }[];
  readonly unit?: UnitFacts;
  readonly processes: readonly ProspectiveProcess[];
  /** Why a pass would not notify it, where neither its unit nor a process says it. */
  readonly trouble?: ErrorInfo;
}

export interface UnitFacts {
  readonly name: string;
  readonly isThere: boolean;
  readonly canReload: boolean;
  /** `Restart=` of the unit. */
  readonly restart: string;
  readonly action: SystemdConsumer['action'];
  /** In the order in which they take effect. */
  readonly environment: readonly VariableFacts[];
  readonly environmentFiles: readonly string[];
}

export interface VariableFacts {
  readonly name: string;
  /** `Environment=`, or the path of an EnvironmentFile=. */
  readonly from: string;
  /** Only of those that are no secret: a profile, a path. */
  readonly value?: string;
}

export interface MetadataFacts {
  readonly endpoint: string;
  readonly trouble?: ErrorInfo;
  /** Our clock minus the source's; milliseconds. */
  readonly clockSkew?: number;
  /** HTTP status of a request without a token; undefined if no answer came. */
  readonly statusWithoutToken?: number;
  /** The file that shows that this is a container: `/.dockerenv`. */
  readonly container?: string;
  readonly lockdown: { readonly state: 'on' | 'off' | 'drifted' | 'unknown'; readonly reason?: string };
  /** The path that shows that systemd-imdsd is here. */
  readonly imdsd?: string;
  /** A route that keeps everybody away, as systemd-imdsd makes one. */
  readonly isProhibited: boolean;
}

export interface MachineFacts {
  /** Of the metadata service; undefined where it does not say. */
  readonly instance?: string;
  /** Of the state; undefined: there has been no pass. */
  readonly stateInstance?: string;
  readonly hasState: boolean;
  /** Key id that the source gives now, as it is shown. */
  readonly keyId?: string;
  /** Whether an agent has left a status; its content is judged elsewhere. */
  readonly hasStatus: boolean;
  readonly hasUnits: boolean;
}

export interface SourceFacts {
  readonly name: string;
  /** Why the token that it shows cannot be used. */
  readonly token?: ErrorInfo;
  /** Why its program is not run. */
  readonly helper?: ErrorInfo;
  /** The name of its program, unless an option has it ask nobody. */
  readonly program?: string;
  /** The file that another program keeps; without a time there is none. */
  readonly file?: { readonly path: string; readonly writtenAt?: number };
}

export interface DoctorFacts {
  readonly sources: readonly SourceFacts[];
  readonly sinks: readonly SinkFacts[];
  readonly consumers: readonly ConsumerFacts[];
  readonly metadata: MetadataFacts;
  readonly machine: MachineFacts;
}
