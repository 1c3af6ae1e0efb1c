/** A line of /proc/net/tcp or tcp6. Addresses are as in {@link socketAddress}. */
export interface TcpSocket {
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  /** In hexadecimal: `0A` listens. */
  readonly state: string;
  /** 0 too where no process has it open: it is not accepted yet, or closed. */
  readonly uid: number;
  /** Never used again while the host is up. */
  readonly inode: string;
}

/** Columns: number, local and remote address, state, queues, timer, retransmits, user, timeout, inode. */
export function parseSockets(table: string): readonly TcpSocket[] {
  return table.split('\n').flatMap((line) => {
    const [, from = '', to = '', state = '', , , , user = '', , inode = ''] = line.trim().split(/\s+/);
    const [local = '', port = ''] = from.split(':');
    if (!/^\d+$/.test(user)) return [];
    const localPort = Number.parseInt(port, 16);
    return [{ local, localPort, remote: to.split(':')[0] ?? '', state, uid: Number(user), inode }];
  });
}

/**
 * An address as /proc/net shows it: words of 32 bits, in the byte order of x86 and ARM. Of IPv6 it takes the forms with
 * all eight groups, or one `::`.
 */
export function socketAddress(address: string): string {
  return address.includes(':') ? ofIPv6(address) : words(address.split('.').map(Number));
}

function ofIPv6(address: string): string {
  const [head = '', tail] = address.split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((one) => Number.parseInt(one, 16));
  const [first, last] = [groups(head), groups(tail ?? '')];
  const all = [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
  return words(all.flatMap((group) => [group >> 8, group & 0xff]));
}

function words(bytes: readonly number[]): string {
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0').toUpperCase());
  return hex.map((_, at) => hex[at - (at % 4) + 3 - (at % 4)]).join('');
}
