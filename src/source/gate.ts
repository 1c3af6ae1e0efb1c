import { networkInterfaces } from 'node:os';
import { hostOfUrl } from '../core/endpoint.ts';
import { parseSockets, socketAddress, type TcpSocket } from '../core/sockets.ts';
import { nameOf, readOrNothing } from '../paths/accounts.ts';

type Listener = Pick<TcpSocket, 'uid' | 'inode'>;

/** Loopback addresses that `localhost` may mean. */
const LOCALHOST = ['127.0.0.1', '::1'];

/**
 * Decides who may answer at a port of this host, since whoever came first to it would be shown the token, and choose the
 * credentials. Asked of each connection: the sockets that listened before it was made, and still do, have taken it. (Who
 * has accepted it the kernel does not tell: a connection that waits to be accepted counts as root's.)
 */
export class Gate {
  /** The user who listens, if that is not root. */
  user: number | undefined;
  readonly #url: URL;
  readonly #allowed: ReadonlySet<number>;
  #before: readonly Listener[] = [];

  constructor(url: URL, allowed: ReadonlySet<number>) {
    this.#url = url;
    this.#allowed = allowed;
  }

  /** Looks at who listens before a connection is made, and says where to make it: somebody may squat half of localhost. */
  approach(): string {
    const { hostname } = this.#url;
    const candidates = hostname === 'localhost' ? LOCALHOST : [hostOfUrl(this.#url)];
    const found = candidates.map((address) => ({ address, listeners: listenersAt(address, this.#port) }));
    const chosen = found.find(({ listeners }) => listeners.length > 0 && !this.#strangerOf(listeners)) ?? found[0];
    this.#before = chosen?.listeners ?? [];
    this.user = userOf(this.#before);
    const address = chosen?.address ?? hostname;
    return `http://${address.includes(':') ? `[${address}]` : address}:${this.#port}`;
  }

  /** As HttpOptions.vet. A connection to an address of this host does not leave it. */
  vet(remote: string, local: string): string | undefined {
    this.user = undefined;
    if (remote !== local && !isOwn(remote)) return undefined;
    const listeners = listenersAt(remote, this.#port);
    const stranger = this.#strangerOf(listeners);
    if (stranger) return `one of ${nameOf('passwd', stranger.uid)} (uid ${stranger.uid})`;
    if (listeners.length === 0) return 'one of a user whom /proc/net/tcp does not tell';
    const before = new Set(this.#before.map(({ inode }) => inode));
    if (listeners.some(({ inode }) => !before.has(inode))) return 'one of a program that has just begun to listen';
    this.user = userOf(listeners);
    return undefined;
  }

  get #port(): number {
    return Number(this.#url.port || 80);
  }

  #strangerOf(listeners: readonly Listener[]): Listener | undefined {
    return listeners.find(({ uid }) => !this.#allowed.has(uid));
  }
}

/** Also one of this host that is not chosen for connections by itself. */
function isOwn(remote: string): boolean {
  if (/^(?:127\.|::1$)/.test(remote)) return true;
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === remote));
}

function userOf(listeners: readonly Listener[]): number | undefined {
  return listeners.find(({ uid }) => uid !== 0)?.uid;
}

const LISTENS = '0A';

/** The sockets among which the kernel chooses for a connection to this address: the most exact ones come first. */
function listenersAt(address: string, port: number): readonly Listener[] {
  const [ipv4, ipv6] = ['tcp', 'tcp6'].map((name) =>
    parseSockets(readOrNothing(`/proc/net/${name}`)).filter((one) => one.localPort === port && one.state === LISTENS),
  );
  const at = (sockets: readonly TcpSocket[] = [], local: string) => sockets.filter((one) => one.local === local);
  const exact = socketAddress(address);
  const ranks = address.includes(':')
    ? [at(ipv6, exact), at(ipv6, socketAddress('::'))]
    : [
        [...at(ipv4, exact), ...at(ipv6, `0000000000000000FFFF0000${exact}`)],
        at(ipv4, socketAddress('0.0.0.0')),
        at(ipv6, socketAddress('::')),
      ];
  return ranks.find((sockets) => sockets.length > 0) ?? [];
}
