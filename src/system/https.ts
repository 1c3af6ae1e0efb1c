import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, getCACertificates } from 'node:tls';
import Client from 'undici/lib/dispatcher/client.js';
import { HttpError, type Http, type HttpsOptions } from '../core/contracts.ts';
import { isErrno } from '../core/errors.ts';
import { createHttp, dialPlain, type Dial, type Dialled } from './http.ts';

/**
 * As {@link createHttp}, over TLS to origins of https, with further failures: `untrusted`, with OpenSSL's word for it,
 * and `proxy`.
 */
export function createHttps(userAgent: string, options: HttpsOptions): Http {
  const { proxy } = options;
  const dial: Dial = (to, done) => {
    if (to.protocol !== 'https:') return dialPlain(to, done);
    const target = { hostname: to.hostname, port: to.port === '' ? '443' : to.port };
    return proxy === undefined ? secure(target, options, done) : tunnel(target, { ...options, proxy }, done);
  };
  return createHttp(userAgent, dial);
}

type TlsTarget = Pick<Parameters<Dial>[0], 'hostname' | 'port'>;

/** `through`: a connection to the peer that somebody made for us. */
function secure({ hostname, port }: TlsTarget, { ca }: HttpsOptions, done: Dialled, through?: Duplex): Socket {
  const socket = connect({
    host: hostname,
    port: Number(port),
    ...(through && { socket: through }),
    ...(isIP(hostname) === 0 && { servername: hostname }),
    ca: ca ?? bundledRoots(),
    // Else Node asks NODE_TLS_REJECT_UNAUTHORIZED at each connection.
    rejectUnauthorized: true,
    ALPNProtocols: ['http/1.1'],
  });
  const onError = (error: Error): void => {
    done(describeTls(error), null);
  };
  return socket.once('error', onError).once('secureConnect', () => {
    socket.off('error', onError);
    socket.setNoDelay(true);
    done(null, socket);
  });
}

/** Node adds the file of NODE_EXTRA_CA_CERTS to the roots that it takes by itself. */
function bundledRoots(): string[] | undefined {
  return process.env['NODE_EXTRA_CA_CERTS'] ? getCACertificates('bundled') : undefined;
}

/** Its codes name what is wrong with the certificate; its words quote the names in it. */
function describeTls(error: Error): Error {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (isErrno(error) && error.syscall !== undefined) return error;
  return new HttpError(/CERT|ISSUER|SIGNATURE|CRL/.test(code) ? 'untrusted' : 'protocol', code || 'no TLS');
}

/** Asks the proxy for a tunnel to the target. Only the status of its answer counts. */
function tunnel(
  target: TlsTarget,
  options: HttpsOptions & Required<Pick<HttpsOptions, 'proxy'>>,
  done: Dialled,
): { destroy(): void } {
  const { origin, authorization } = options.proxy;
  const host = `${target.hostname.includes(':') ? `[${target.hostname}]` : target.hostname}:${target.port}`;
  let inner: Socket | undefined;
  const client = new Client(origin, { connect: dialPlain, pipelining: 1, allowH2: false, useMilo: false });
  const refuse = (message: string): void => {
    void client.destroy();
    done(new HttpError('proxy', message), null);
  };
  client.dispatch(
    {
      method: 'CONNECT',
      path: host,
      headers: { host, ...(authorization && { 'proxy-authorization': authorization }) },
    },
    {
      onRequestStart: () => undefined,
      onRequestUpgrade: (_, status, __, socket) => {
        if (status === 200) inner = secure(target, options, done, socket);
        else refuse(`status ${status}`);
      },
      onResponseError: (_, error) => {
        refuse(isErrno(error) ? error.code : 'no answer in HTTP');
      },
    },
  );
  return {
    destroy() {
      inner?.destroy();
      void client.destroy();
    },
  };
}
