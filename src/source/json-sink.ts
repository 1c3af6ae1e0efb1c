import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Credentials } from '../core/credentials.ts';
import { AgentError, describeForeign, isErrno } from '../core/errors.ts';
import { credentialsInJson, type Refuse } from './document.ts';
import { refuseExpired } from './faults.ts';

/** Our own are below 3 KiB. */
const MAX_BYTES = 65_536;

/**
 * The credentials that a json sink of any shape holds, judged at `now` (epoch milliseconds). It is read like any reader
 * would, with our own rights; what is no regular file cannot make us wait. Rejects with an AgentError that quotes
 * nothing of it: SINK_UNREADABLE, SINK_NOT_REGULAR, SINK_FORMAT_REFUSED or CREDENTIALS_EXPIRED.
 */
export async function readJsonSink(path: string, now: number): Promise<Credentials> {
  const refuse: Refuse = (expected, got) =>
    new AgentError('SINK_FORMAT_REFUSED', `${path}: expected ${expected}, got ${got}`, {
      hint: 'name a sink of format json with a shape (imds, process, container or superset)',
    });
  const credentials = credentialsInJson(await readSmall(path), refuse);
  return refuseExpired(credentials, path, now, 'nothing keeps this file fresh any more: credrotate status says why');
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
    const hint = isErrno(error, 'ENOENT')
      ? 'name a sink of format json that has been written'
      : 'see who may read it: ls -lL';
    const message = `${path}: expected to read the sink, got ${describeForeign(error)}`;
    throw new AgentError('SINK_UNREADABLE', message, { hint });
  }
}

function refused(path: string, expected: string, got: string): AgentError {
  const hint = 'name a sink of format json';
  return new AgentError('SINK_NOT_REGULAR', `${path}: expected ${expected}, got ${got}`, { hint });
}
