import type { Config, FileConfig } from '../core/config.ts';
import type { Http, HttpOptions } from '../core/contracts.ts';
import type { AskDeps } from '../host/ask.ts';
import type { HostDeps } from '../host/tool.ts';
import type { ImdsSourceOptions } from './imds/source.ts';

/** The surroundings of sources. */
export interface SourceDeps extends Omit<ImdsSourceOptions, 'config'>, HostDeps, AskDeps {
  /** Loads what it takes: TLS, where it is asked for. */
  readonly makeHttp: (options: HttpOptions) => Promise<Http>;
  /** Loads what reads a file of a sink's format, by the names of a JSON document in lower case. Rejects with refusals. */
  readonly readFields: (
    bytes: Buffer,
    file: Pick<FileConfig, 'format' | 'profile'>,
  ) => Promise<ReadonlyMap<string, string>>;
}

/** As a source gets them. */
export interface OwnDeps extends SourceDeps {
  /** `refresh.max_interval`: credentials of which nobody says when they end are believed for so long; milliseconds. */
  readonly maxInterval: number;
  readonly sinks: Config['sinks'];
}
