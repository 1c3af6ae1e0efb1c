import * as v from 'valibot';

/** A whole number from 0. */
export const integer = (limit: number): v.GenericSchema<number> =>
  v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(limit));

/** 64 bits in decimal. */
export const big = v.pipe(v.string(), v.regex(/^\d{1,20}$/));

/** Of a user or group. */
export const id = integer(0xffffffff);

const mode = integer(0o7777);

/** What a `Date` can hold; epoch milliseconds. */
export const moment = integer(8_640_000_000_000_000);

const finite = v.pipe(v.number(), v.finite());

const bootTimeSchema = v.object({
  bootId: v.pipe(v.string(), v.regex(/^[\w-]{0,64}$/)),
  sinceBoot: finite,
});

/**
 * A sink as it was when we last wrote or verified it. Equal lstat values mean that nobody touched it, so that a pass
 * without news needs no read.
 */
export const sinkRecordSchema = v.object({
  /** Of the keys, the format's options, mode and owner: another value means that it must be rendered again. */
  key: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  /** Of the credentials that it was rendered with; epoch milliseconds. */
  expiration: finite,
  inode: big,
  size: big,
  ctimeNs: big,
  mode,
  uid: id,
  gid: id,
  /** When its bytes last changed, but for another expiration of the same keys; epoch milliseconds, and on the kernel's clock. */
  renamedAt: finite,
  renamedAtBoot: bootTimeSchema,
  /** What its access time said of the keys before the file was replaced for another expiration alone; epoch milliseconds. */
  evidence: v.exactOptional(v.object({ writtenAt: moment, readAt: v.exactOptional(moment) })),
  /** What the file had before it was ours, while nothing is configured that says otherwise. */
  former: v.exactOptional(v.object({ mode, uid: id, gid: id })),
});

export type SinkRecord = Readonly<v.InferOutput<typeof sinkRecordSchema>>;

/** When a sink's bytes last changed, but for another expiration of the same keys, and whether they were read since. */
export type Since = Pick<SinkRecord, 'renamedAt' | 'renamedAtBoot' | 'evidence'>;

/** What a sink's file was rendered from. */
export type Made = Pick<SinkRecord, 'key' | 'expiration' | 'former'>;
