import type { LogConfig } from '../core/config.ts';
import type {
  Commands,
  Actors,
  AtomicFiles,
  BootTime,
  Clock,
  Environment,
  FileSecurity,
  Http,
  HttpOptions,
  Log,
  Processes,
  Users,
} from '../core/contracts.ts';
import type { Directories } from '../core/directories.ts';
import type { Directory } from '../paths/held.ts';
import type { SourceDeps } from '../source/contract.ts';

/** The process's surroundings and the outside world, as main.ts hands them to the commands. */
export interface World {
  readonly version: string;
  /** The version with the commit and the parts that it was made of, as text. */
  readonly versions: () => Promise<string>;
  readonly env: Environment;
  readonly uid: number;
  readonly gid: number;
  readonly directories: Directories;
  /** Program and first arguments that start this program again. */
  readonly self: readonly string[];
  /** Results, on standard output. */
  readonly print: (output: string | Uint8Array) => void;
  /** Print nothing if nothing is wrong. */
  readonly isQuiet?: true;
  /**
   * Lines for people, on standard output: folded to the width of a terminal, whole elsewhere, so that a search finds
   * them.
   */
  readonly show: (text: string) => void;
  /** Standard output, if it is a terminal. */
  readonly terminal: Terminal | undefined;
  /** Trouble, on standard error, folded in the same way. */
  readonly complain: (text: string) => void;
  /** Aborted by SIGTERM or SIGINT. */
  readonly stop: AbortSignal;
  /** Resolves at that moment. */
  readonly stopped: () => Promise<void>;
  /** Replaces what SIGHUP does, which is to end the process. */
  readonly onHangup: (act: () => void) => void;
  /** Loaded at the first call: most commands need few of them. */
  readonly services: () => Promise<Services>;
  /**
   * Replaces this process by a program: its path, arguments (its name first) and environment. Rejects with errno
   * errors.
   */
  readonly become: (path: string, args: readonly string[], env: World['env']) => Promise<never>;
  readonly openLog: (config: LogConfig) => Promise<Log>;
  /** Of this process: gives the kernel back what it has no use for now. */
  readonly giveBackMemory: () => Promise<void>;
}

export interface Terminal {
  /** Whether it shows colours and nobody said NO_COLOR. */
  readonly hasColors: boolean;
  /** As it is now: it may be resized. */
  readonly size: () => { readonly columns: number; readonly rows: number };
}

export interface Services {
  /** Root's alone. */
  readonly actors?: Actors;
  readonly clock: Clock;
  readonly http: Http;
  /** Loads what it takes: TLS, where it is asked for. */
  readonly makeHttp: (options: HttpOptions) => Promise<Http>;
  readonly files: AtomicFiles;
  readonly users: Users;
  readonly commands: Commands;
  readonly processes: Processes;
  readonly security: FileSecurity;
  readonly readBootTime: () => BootTime;
  /** The kernel's lock on a file in a directory; undefined when somebody else has it. */
  readonly tryLock: (directory: Directory, name: string) => Disposable | undefined;
  readonly sdNotify: (state: string) => void;
  /** Why a cron pattern cannot be used; undefined when it can. */
  readonly validatePattern: (pattern: string, timezone?: string) => string | undefined;
}

/** Does a command's work with the world, and keeps its exit code. */
export type Run = (work: (world: World) => Promise<number>) => Promise<void>;

/** The part for sources. */
export function sourceDeps(world: World, services: Services, log: Log): SourceDeps {
  return { ...services, env: world.env, log, self: { uid: world.uid, gid: world.gid }, readFields };
}

async function readFields(...given: Parameters<SourceDeps['readFields']>): ReturnType<SourceDeps['readFields']> {
  return (await import('../sinks/formats/read.ts')).readFields(...given);
}
