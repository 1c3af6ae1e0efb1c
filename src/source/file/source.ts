import { basename, dirname, join } from 'node:path';
import type { FileConfig } from '../../core/config.ts';
import type { Fetched, Source } from '../../core/contracts.ts';
import type { Credentials } from '../../core/credentials.ts';
import { AgentError } from '../../core/errors.ts';
import { MAX_BYTES } from '../../files/read.ts';
import { readAsOwner, type OwnersFile } from '../../host/ask.ts';
import { openDirectory } from '../../paths/policies.ts';
import { credentialsIn, credentialsInJson, type Refuse } from '../document.ts';
import { denied, malformed, refuseExpired, unreachable } from '../faults.ts';
import { outcomeOf } from '../outcome.ts';
import type { OwnDeps } from '../contract.ts';

/** Many writers write in place: a file that was written within so long may be half of one. */
const QUIET_MS = 2_000;
/** Until it is read again then: it counts when it is the same. */
const PAUSE_MS = 200;
const READINGS = 6;
/** Writers that rename make several events. */
const CALM_MS = 300;

/** Reads credentials from a file that another program keeps, with the rights of whoever owns the file. */
export function createFileSource(config: FileConfig, deps: OwnDeps): Source {
  const reader = new FileReader(config, deps);
  return {
    async fetch(signal) {
      try {
        return await reader.read(signal);
      } catch (error) {
        signal.throwIfAborted();
        return outcomeOf(error, error instanceof AgentError && error.code === 'SOURCE_DENIED' ? 'later' : undefined);
      }
    },
    user: async (signal) => (await reader.look(signal))?.user,
    watch: (changed, signal) => {
      watch(config.path, deps.self.uid, changed, signal);
      return Promise.resolve();
    },
  };
}

/** Only where no user and no server can have a hand in it; elsewhere the file is compared at each interval. */
function watch(path: string, uid: number, changed: () => void, signal: AbortSignal): void {
  using found = openDirectory('source', dirname(path), { uid });
  if (found.kind !== 'directory' || found.missing.length > 0) return;
  let timer: NodeJS.Timeout | undefined;
  const compare = (): void => {
    timer = undefined;
    changed();
  };
  found.held.watch((name) => {
    if (name === basename(path)) timer ??= setTimeout(compare, CALM_MS).unref();
  }, signal);
  signal.addEventListener('abort', () => {
    clearTimeout(timer);
  });
}

function isSame(file: OwnersFile, before: OwnersFile | undefined): boolean {
  return before?.stat === file.stat && before.bytes.equals(file.bytes);
}

class FileReader {
  readonly #config: FileConfig;
  readonly #deps: OwnDeps;
  #last: Credentials | undefined;

  constructor(config: FileConfig, deps: OwnDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  look(signal: AbortSignal): Promise<OwnersFile | undefined> {
    return readAsOwner(this.#deps, { use: 'source', path: this.#config.path, most: MAX_BYTES }, signal);
  }

  /** Rejects with AgentError. */
  async read(signal: AbortSignal): Promise<Fetched> {
    let before: OwnersFile | undefined;
    for (let left = READINGS; ; left -= 1) {
      const file = await this.look(signal);
      const isQuiet = this.#isQuiet(file);
      try {
        if (file && (isQuiet || isSame(file, before))) return await this.#take(file);
        if (left === 1) throw this.#troubled(file);
      } catch (error) {
        const isTorn = error instanceof AgentError && error.code === 'SOURCE_MALFORMED' && !isQuiet;
        if (!isTorn || left === 1) throw error;
      }
      before = file;
      await this.#deps.clock.sleep(PAUSE_MS, signal);
      signal.throwIfAborted();
    }
  }

  #isQuiet(file: OwnersFile | undefined): boolean {
    return file !== undefined && Math.abs(this.#deps.clock.now() - file.writtenAt) > QUIET_MS;
  }

  #troubled(file: OwnersFile | undefined): AgentError {
    const { path } = this.#config;
    if (file === undefined) return unreachable(`${path}: expected a file with credentials, got nothing there`, WRITER);
    return malformed(`${path}: expected a file that stays as it is for a moment, got one that changes all the time`);
  }

  async #take(file: OwnersFile): Promise<Fetched> {
    const { path } = this.#config;
    const { clock, maxInterval } = this.#deps;
    this.#refuseOwnSink(file.realPath);
    const now = clock.now();
    const credentials = await this.#parse(file.bytes, now + maxInterval);
    this.#refuseMixed(credentials);
    const kept = this.#last;
    // Each other expiration is another content of the sinks that hold it.
    const isKept =
      kept?.endsUnknown &&
      credentials.endsUnknown &&
      kept.expiration - now > maxInterval / 2 &&
      changed(kept, credentials) === 0;
    this.#last = isKept ? kept : refuseExpired(credentials, path, now, WRITER);
    return { ok: true, credentials: this.#last, origin: file.user === undefined ? {} : { user: file.user } };
  }

  async #parse(bytes: Buffer, unknown: number): Promise<Credentials> {
    const { path, format } = this.#config;
    const refuse: Refuse = (expected, got) => malformed(`${path}: expected ${expected}, got ${got}`, WRITER);
    if (format === 'json') return credentialsInJson(bytes, refuse, unknown);
    try {
      const fields = new Map(await this.#deps.readFields(bytes, this.#config));
      const expiration = fields.get('expiration');
      if (expiration !== undefined) fields.set('expiration', asRfc3339(expiration));
      return credentialsIn(fields, ['SessionToken'], refuse, unknown);
    } catch (error) {
      if (!(error instanceof AgentError) || error.code !== 'SINK_FORMAT_REFUSED') throw error;
      throw malformed(`${path}: ${error.message}`, error.hint);
    }
  }

  /** Keys are made together: a file with one of these and another of those was read while it was written. */
  #refuseMixed(credentials: Credentials): void {
    const count = this.#last ? changed(this.#last, credentials) : 0;
    if (count === 0 || count === VALUES) return;
    throw malformed(`${this.#config.path}: expected key id, secret and token of one set, got some of another`, WRITER);
  }

  /** As far as the way is root's or ours; looked up only for a file of this name. */
  #realPath(path: string, name: string): string {
    if (basename(path) !== name) return path;
    using found = openDirectory('sink', dirname(path), { uid: this.#deps.self.uid });
    return found.kind === 'directory' && found.missing.length === 0 ? join(found.held.path, name) : path;
  }

  /** By the real paths of both, too: what we have written ourselves would be good for ever. */
  #refuseOwnSink(realPath: string): void {
    const { path, format, profile } = this.#config;
    const own = this.#deps.sinks.find((sink) => {
      const isOtherPart = sink.format === 'aws-credentials' && format === sink.format && sink.profile !== profile;
      return !isOtherPart && (sink.path === path || this.#realPath(sink.path, basename(realPath)) === realPath);
    });
    if (own)
      throw denied(`${path}: expected a file that another program keeps, got the sink ${own.path}`, 'name another');
  }
}

const WRITER = 'see what keeps this file: whether it runs, and what it writes';

/** `2026-11-23 12:00:00`, in UTC, as aws-mfa writes it. */
const OF_PYTHON = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)$/;
/** Seconds, or milliseconds as tbot writes them. */
const EPOCH = /^\d{10}(?:\d{3})?$/;
const OF_SECONDS = 10;

/** Profiles have times in other forms, too. */
function asRfc3339(time: string): string {
  if (EPOCH.test(time)) return new Date(Number(time) * (time.length === OF_SECONDS ? 1000 : 1)).toISOString();
  return time.replace(OF_PYTHON, '$1T$2Z');
}

const VALUES = 3;

/** How many of the three values differ. */
function changed(one: Credentials, other: Credentials): number {
  const of = ({ accessKeyId, secretAccessKey, sessionToken }: Credentials) => [
    accessKeyId,
    secretAccessKey.reveal(),
    sessionToken.reveal(),
  ];
  const others = of(other);
  return of(one).filter((value, index) => value !== others[index]).length;
}
