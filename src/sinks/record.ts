import * as v from 'valibot';

/** A whole number from 0. */
export const integer = (limit: number): v.GenericSchema<number> =>
  v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(limit));

/** 64 bits in decimal. */
export const big = v.pipe(v.string(), v.regex(/^\d{1,20}$/));

/** The id of a user or group. */
export const id = integer(0xffffffff);

const mode = integer(0o7777);

/** Any time that a `Date` can hold; epoch milliseconds. */
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
  /** Digest of the keys, the format's options, mode and owner: with another one the sink is rendered again. */
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
  /** Read evidence from before the file was replaced for another expiration alone; epoch milliseconds. */
  evidence: v.exactOptional(v.object({ writtenAt: moment, readAt: v.exactOptional(moment) })),
  /** The file's attributes before it was ours, until others are configured. */
  former: v.exactOptional(v.object({ mode, uid: id, gid: id })),
});

export type SinkRecord = Readonly<v.InferOutput<typeof sinkRecordSchema>>;

/** When a sink's bytes last changed, but for another expiration of the same keys, and whether they were read since. */
export type Since = Pick<SinkRecord, 'renamedAt' | 'renamedAtBoot' | 'evidence'>;

/** The basis on which a sink's file was rendered. */
export type Made = Pick<SinkRecord, 'key' | 'expiration' | 'former'>;
