import * as v from 'valibot';
import { INSTANCE, type SinkConfig } from '../core/config.ts';
import type { KnownIdentity } from '../core/credentials.ts';
import { idOf } from '../core/sink-id.ts';
import { sentSchema } from '../notify/contract.ts';
import { sinkRecordSchema } from '../sinks/record.ts';

/**
 * The state that outlives the process: no secrets. Everything in it is replaced, never changed in place, so that a
 * reader that holds a state across an await sees one moment.
 */

const originSchema = v.object({
  endpoint: v.exactOptional(v.string()),
  instanceId: v.exactOptional(v.string()),
  role: v.exactOptional(v.string()),
  accountId: v.exactOptional(v.string()),
  region: v.exactOptional(v.string()),
  user: v.exactOptional(v.number()),
});

const identitySchema = v.object({
  bootId: v.string(),
  endpoint: v.string(),
  instanceId: v.string(),
  accountId: v.string(),
  region: v.exactOptional(v.string()),
});

const currentSchema = v.object({
  /** Of the keys. */
  fingerprint: v.string(),
  /** The last characters of the key id. */
  keyId: v.string(),
  expiration: v.number(),
  /** Nobody says when they end: the expiration is when they are no longer believed. */
  endsUnknown: v.exactOptional(v.literal(true)),
  /** When the source says that it made them, as it first said it of this expiration. */
  lastUpdated: v.exactOptional(v.number()),
  /** The rest of their life when this expiration was first seen; milliseconds. */
  lifetime: v.number(),
  /** When the keys were first seen. */
  fetchedAt: v.number(),
});

const notifiedOfSchema = v.object({
  generation: v.number(),
  at: v.number(),
  expiration: v.number(),
  lifetime: v.number(),
  by: v.exactOptional(v.picklist(['notified', 'started_since', 'not_running'])),
  /** Whether its processes leave a trace when they read its sinks, as far as that is known. */
  traceable: v.exactOptional(v.boolean()),
});

const pendingSchema = v.object({
  /** Of each source that changed. */
  generations: v.record(v.string(), v.number()),
  /** `renewed`: the keys are the same, and the expiration that the consumer has read is near. */
  reason: v.picklist(['changed', 'first', 'manual', 'renewed']),
  since: v.number(),
  /** Role, account or instance changed, or a person asked: `when: expiring` does not hold it back. */
  urgent: v.boolean(),
  sinks: v.array(v.string()),
  attempts: v.number(),
  nextAttempt: v.number(),
  /** The processes of the consumer that an earlier attempt reached. */
  notified: v.exactOptional(v.array(v.string())),
  /** On disk right after the signal: a process of ours that takes over watches, and does not signal again. */
  sent: v.exactOptional(
    v.object({
      ...sentSchema.entries,
      /** For a notification that this pending one has replaced since. */
      isEarlier: v.exactOptional(v.literal(true)),
    }),
  ),
});

const endedSchema = v.object({
  error: v.object({ code: v.literal('CONSUMER_ENDED'), message: v.string(), hint: v.exactOptional(v.string()) }),
  /** Digest of its configuration: with a changed one it is notified again. */
  config: v.string(),
});

const consumerSchema = v.object({
  /** By the names of sources. */
  notifiedOf: v.exactOptional(v.record(v.string(), notifiedOfSchema)),
  /** The pending notification; synced before the files change, removed after delivery. */
  pending: v.exactOptional(pendingSchema),
  /** It did not survive a notification, and gets no other. */
  ended: v.exactOptional(endedSchema),
  /** Of the last run of its program: the end of what it printed, without secrets. */
  hook: v.exactOptional(v.object({ at: v.number(), exitCode: v.exactOptional(v.number()), output: v.string() })),
  /** Files and keys of the processes that were notified last: these belong to the consumer. */
  matched: v.exactOptional(v.array(v.string())),
});

/** The credentials in a file, and the sink that removes them: it outlives the sink in the configuration. */
const writtenSchema = v.object({
  // Unchecked: nobody else can write the state.
  sink: v.custom<SinkConfig>((value) => typeof value === 'object' && value !== null && 'path' in value),
  keyId: v.string(),
  expiration: v.number(),
});

const memorySchema = v.object({
  /** The number of its rotations so far. */
  generation: v.number(),
  origin: originSchema,
  /** The identity of this instance, as the metadata service gave it in this boot. */
  identity: v.exactOptional(identitySchema),
  current: v.exactOptional(currentSchema),
  /** Its own time when this host was started, epoch milliseconds: the kernel counts on from there, and nobody sets that. */
  clock: v.exactOptional(v.object({ bootId: v.string(), bootedAt: v.number() })),
  /** The sinks for which it was asked before its time, and which could not be written all the same. */
  inVain: v.exactOptional(v.array(v.string())),
  /** Of its configuration when it gave these: with another one it is asked again. */
  settings: v.exactOptional(v.string()),
});

export const stateSchema = v.object({
  version: v.literal(4),
  /** Random, so that hosts of one group do not restart their consumers in one moment. */
  seed: v.exactOptional(v.string()),
  /** By the names of sources. */
  sources: v.record(v.string(), memorySchema),
  sinks: v.record(v.string(), sinkRecordSchema),
  consumers: v.record(v.string(), consumerSchema),
  written: v.exactOptional(v.record(v.string(), writtenSchema)),
  /** Temp files that a kill may have left behind. */
  temps: v.array(v.object({ path: v.string(), inode: v.string(), uid: v.exactOptional(v.number()) })),
});

export type AgentState = v.InferOutput<typeof stateSchema>;
export type SourceMemory = v.InferOutput<typeof memorySchema>;
export type Current = v.InferOutput<typeof currentSchema>;
export type ConsumerState = v.InferOutput<typeof consumerSchema>;
export type Known = v.InferOutput<typeof notifiedOfSchema>;
export type Pending = v.InferOutput<typeof pendingSchema>;
export type Written = v.InferOutput<typeof writtenSchema>;

export const EMPTY_STATE: AgentState = { version: 4, sources: {}, sinks: {}, consumers: {}, temps: [] };
const NOTHING_KNOWN: SourceMemory = { generation: 0, origin: {} };

export function memoryOf({ sources }: Pick<AgentState, 'sources'>, source: string): SourceMemory {
  return sources[source] ?? NOTHING_KNOWN;
}

/** The state with another memory of this source. */
export function withMemory(state: AgentState, source: string, memory: SourceMemory): AgentState {
  return { ...state, sources: { ...state.sources, [source]: memory } };
}

/** The identity of this instance, if asked in this boot: a machine image may carry the state of another. */
export function knownIdentity(state: AgentState, bootId: string): KnownIdentity | undefined {
  const { identity } = memoryOf(state, INSTANCE);
  return identity?.bootId === bootId ? identity : undefined;
}

/** The state with another one of this consumer. */
export function withConsumer(state: AgentState, name: string, consumer: ConsumerState): AgentState {
  return { ...state, consumers: { ...state.consumers, [name]: consumer } };
}

/** A new process retries at once: the cause of a failure may be mended. */
export function withoutBackoff(state: AgentState): AgentState {
  return Object.entries(state.consumers).reduce(
    (result, [name, { pending, ...rest }]) =>
      pending ? withConsumer(result, name, { ...rest, pending: { ...pending, nextAttempt: 0 } }) : result,
    state,
  );
}

/** The last rotation that a consumer was notified of, of any source. */
export function lastKnown({ notifiedOf = {} }: ConsumerState): Known | undefined {
  return Object.values(notifiedOf).toSorted((a, b) => b.at - a.at)[0];
}

/** Entries of sinks, without those of some. */
export function without<T>(entries: Readonly<Record<string, T>>, ids: Iterable<string>): Record<string, T> {
  const gone = new Set(ids);
  return Object.fromEntries(Object.entries(entries).filter(([id]) => !gone.has(id)));
}

/** The files of former sinks. */
export function leftBehind({ written = {} }: AgentState, sinks: readonly SinkConfig[]): readonly Written[] {
  const configured = new Set(sinks.map(idOf));
  return Object.entries(written).flatMap(([id, one]) => (configured.has(id) ? [] : [one]));
}
