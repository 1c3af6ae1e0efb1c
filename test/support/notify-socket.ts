import { dlopen } from 'node:ffi';
import type { TestContext } from 'node:test';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;

/** Listens as a service manager does (sd_notify(3)); gives all that was said so far. Node has no such sockets. */
export function listenForReadiness(t: TestContext, path: string): () => readonly string[] {
  const { functions } = dlopen(null, {
    socket: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
    bind: { arguments: ['i32', 'pointer', 'u32'], return: 'i32' },
    recv: { arguments: ['i32', 'pointer', 'u64', 'i32'], return: 'i64' },
    close: { arguments: ['i32'], return: 'i32' },
  });
  const fd = functions.socket(AF_UNIX, SOCK_DGRAM, 0);
  t.after(() => functions.close(fd));
  const address = Buffer.from(`\0\0${path}\0`);
  address.writeUInt16LE(AF_UNIX);
  if (functions.bind(fd, address, address.length) !== 0) throw new Error(`cannot bind ${path}`);
  const said: string[] = [];
  const buffer = Buffer.alloc(4096);
  return () => {
    for (;;) {
      const length = Number(functions.recv(fd, buffer, BigInt(buffer.length), MSG_DONTWAIT));
      if (length < 0) return said;
      said.push(buffer.toString('utf8', 0, length));
    }
  };
}
