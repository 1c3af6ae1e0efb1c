/** The known addresses of the metadata service. The second answers on Nitro instances alone. */
export const IPV4 = 'http://169.254.169.254';
export const IPV6 = 'http://[fd00:ec2::254]';

/** The part of a URL that was expected, and the remedy. */
interface NoEndpoint {
  readonly expected?: string;
  readonly hint: string;
}

/** The origin of a plain HTTP URL that has nothing beyond it; slashes at the end are habit, and harmless. */
export function readEndpoint(text: string): { readonly value: string } | NoEndpoint {
  const url = URL.parse(text);
  if (url?.protocol !== 'http:') {
    const isHttp = /^http:\/\//i.test(text);
    return {
      hint: isHttp ? 'correct its host, or its port, which is at most 65535' : 'the metadata service speaks plain HTTP',
    };
  }
  return originOf(url);
}

/** The origin of a service that is spoken to over TLS, or without it on loopback alone. */
export function readSecureEndpoint(text: string): { readonly value: string } | NoEndpoint {
  const url = URL.parse(text);
  if (url?.protocol !== 'https:') {
    const plain = readEndpoint(text);
    const isOwn = 'value' in plain && isKnownEndpoint(plain.value) && !isEc2(plain.value);
    return isOwn ? plain : { hint: 'write https://; without TLS only loopback is asked' };
  }
  return originOf(url);
}

function originOf(url: URL): { readonly value: string } | NoEndpoint {
  const isMore = url.username + url.password + url.search + url.hash !== '' || !/^\/*$/.test(url.pathname);
  if (!isMore) return { value: url.origin };
  return { expected: 'scheme, host and port alone', hint: 'leave out user, path, query and fragment' };
}

/** The service itself, and not a stand-in. */
export function isEc2(origin: string): boolean {
  return origin === IPV4 || origin === IPV6;
}

/**
 * Whether an endpoint is one that only this machine, or EC2, can answer at. 127.1 and 0x7f.1 are normal forms by now.
 */
export function isKnownEndpoint(origin: string): boolean {
  const hostname = URL.parse(origin)?.hostname ?? '';
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname) || isEc2(origin);
}
