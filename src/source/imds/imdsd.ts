import { connect } from 'node:net';
import { describeForeign } from '../../core/errors.ts';
import { ImdsFault, malformed, PROHIBITED, SWITCHED_OFF, unreachable, type StatusVerdict } from './exchange.ts';
import { parseFields, type Fields } from '../document.ts';

/** Of systemd 261 and later. Where it locked the network, by a route that refuses, it alone reaches the service. */
const SOCKET = '/run/systemd/io.systemd.InstanceMetadata';
const INTERFACE = 'io.systemd.InstanceMetadata';

/** It may answer from its cache, whose answers are no older than this instead of 15 minutes. Microseconds. */
const REFRESH_USEC = 10_000_000;
/** In Base64 and JSON, an answer of the service of 64 KiB. */
const MAX_BYTES = 98_304;

const FORBIDDEN: StatusVerdict = {
  code: 'IMDS_DENIED',
  retry: false,
  hint: 'systemd-imdsd answers root, and users whom polkit lets (io.systemd.imds.get): run credrotate as root',
};
const FAILED = unreachable(
  'see what it says itself: systemd-imds /meta-data/instance-id; journalctl --unit "systemd-imdsd@*"',
);
const VERDICTS: Readonly<Record<string, StatusVerdict>> = {
  [`${INTERFACE}.NotAvailable`]: SWITCHED_OFF,
  'org.varlink.service.PermissionDenied': FORBIDDEN,
  'io.systemd.InteractiveAuthenticationRequired': FORBIDDEN,
};

/**
 * The value at a path such as `/latest/meta-data/instance-id`, as systemd-imdsd gives it. Undefined: there is no such
 * thing. Rejects with an AgentError of an IMDS code, or with the signal's reason.
 */
export async function askImdsd(path: string, signal: AbortSignal, socketPath = SOCKET): Promise<Buffer | undefined> {
  const key = /^\/latest(\/.*)$/.exec(path)?.[1];
  const fault = (verdict: StatusVerdict, expected: string, got: string): ImdsFault =>
    new ImdsFault(verdict, `systemd-imdsd, ${path}: expected ${expected}, got ${got}`);
  if (key === undefined) throw fault({ ...PROHIBITED, retry: false }, 'a path below /latest', 'another version');
  const call = { method: `${INTERFACE}.Get`, parameters: { key, refreshUSec: REFRESH_USEC } };
  const reply = await exchange(socketPath, call, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw fault(PROHIBITED, 'a connection', describeForeign(error));
  });
  const fields = reply && parseFields(reply);
  const error = fields?.get('error');
  if (error === `${INTERFACE}.KeyNotFound`) return undefined;
  if (typeof error === 'string') throw fault(VERDICTS[error] ?? FAILED, 'an answer', nameOf(error));
  const data = dataOf(fields);
  if (data === undefined) throw malformed(`systemd-imdsd, ${path}: expected an answer, got something else`);
  return Buffer.from(data, 'base64');
}

/** Makes a call of Varlink: JSON, ended by a zero. Undefined: the reply is longer than allowed, or ends early. */
async function exchange(socketPath: string, call: object, signal: AbortSignal): Promise<Buffer | undefined> {
  const socket = connect({ path: socketPath, signal });
  socket.write(`${JSON.stringify(call)}\0`);
  let reply = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    reply = Buffer.concat([reply, chunk]);
    const end = reply.indexOf(0);
    if (end >= 0) return reply.subarray(0, end);
    if (reply.length > MAX_BYTES) return undefined;
  }
  return undefined;
}

function dataOf(fields: Fields | undefined): string | undefined {
  const parameters = fields?.get('parameters');
  if (typeof parameters !== 'object' || parameters === null || !('data' in parameters)) return undefined;
  return typeof parameters.data === 'string' ? parameters.data : undefined;
}

function nameOf(error: string): string {
  return /^[\w.]{1,128}$/.test(error) ? error : 'an error without a name';
}
