import { dlopen } from 'node:ffi';

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_NOSIGNAL = 0x4000;

/**
 * Tells the service manager how we are (sd_notify(3)); does nothing where NOTIFY_SOCKET is not set. Node has no
 * datagram sockets of the Unix kind. Where node:ffi were missing, systemd-notify would do it; but here it is never
 * missing, the agent could not even lock its state without, and a child that may notify needs NotifyAccess=all.
 */
export function createSdNotify(socketPath: string | undefined): (state: string) => void {
  if (!socketPath) return () => undefined;
  const { functions } = dlopen(null, {
    socket: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
    sendto: { arguments: ['i32', 'pointer', 'u64', 'i32', 'pointer', 'u32'], return: 'i64' },
    close: { arguments: ['i32'], return: 'i32' },
  });
  const address = socketAddress(socketPath);
  return (state) => {
    const message = Buffer.from(state);
    const fd = functions.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
    if (fd < 0) return;
    functions.sendto(fd, message, BigInt(message.length), MSG_NOSIGNAL, address, address.length);
    functions.close(fd);
  };
}

/** sockaddr_un: family, then the path; a leading @ stands for the NUL of the abstract namespace. */
function socketAddress(path: string): Buffer {
  const name = Buffer.from(path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`);
  const family = Buffer.alloc(2);
  family.writeUInt16LE(AF_UNIX);
  return Buffer.concat([family, name]);
}
