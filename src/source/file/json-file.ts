import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Credentials } from '../../core/credentials.ts';
import { AgentError, describeForeign, isErrno } from '../../core/errors.ts';
import { parseJsonSink } from './json-sink.ts';

/** Our own are below 3 KiB. */
const MAX_BYTES = 65_536;

/**
 * The credentials that a json sink holds, judged at `now` (epoch milliseconds). It is read like any reader would, with
 * our own rights; what is no regular file cannot make us wait. Rejects with an AgentError that quotes nothing of it.
 */
export async function readJsonSink(path: string, now: number): Promise<Credentials> {
  return parseJsonSink(path, await readSmall(path), now);
}

async function readSmall(path: string): Promise<Buffer> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    if (!(await file.stat()).isFile()) throw refused(path, 'a regular file', 'something else');
    const bytes = Buffer.alloc(MAX_BYTES + 1);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    if (bytesRead > MAX_BYTES) throw refused(path, `at most ${MAX_BYTES} bytes`, 'more');
    return bytes.subarray(0, bytesRead);
  } catch (error) {
    if (error instanceof AgentError) throw error;
    const hint = isErrno(error, 'ENOENT') ? 'name a sink of format json that stands' : 'see who may read it: ls -lL';
    const message = `${path}: expected to read the sink, got ${describeForeign(error)}`;
    throw new AgentError('SINK_UNREADABLE', message, { hint });
  }
}

function refused(path: string, expected: string, got: string): AgentError {
  const hint = 'name a sink of format json';
  return new AgentError('SINK_NOT_REGULAR', `${path}: expected ${expected}, got ${got}`, { hint });
}
