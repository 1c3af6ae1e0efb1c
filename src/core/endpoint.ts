/** The known addresses of the metadata service. The second answers on Nitro instances alone. */
export const IPV4 = 'http://169.254.169.254';
export const IPV6 = 'http://[fd00:ec2::254]';

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

/** Takes the name of a host in its normal form, as URL gives it. 127.1 and 0x7f.1 are normal forms by then. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** Whether an endpoint is one that only this machine, or EC2, can answer at. */
export function isKnownEndpoint(origin: string): boolean {
  return isLoopback(URL.parse(origin)?.hostname ?? '') || isEc2(origin);
}

/** Of ECS, and of EKS Pod Identity. */
export const CONTAINER_ADDRESSES: readonly string[] = ['169.254.170.2', '169.254.170.23', 'fd00:ec2::23'];

/** The host of a URL; an address of IPv6 is in brackets there. */
export function hostOfUrl(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/**
 * Reads the URL at which a container is given its credentials, into its normal form. Names are not looked up: somebody
 * else may answer for them a moment later.
 */
export function readContainerEndpoint(text: string): { readonly value: string } | { readonly expected: string } {
  const url = URL.parse(text);
  if (!url || url.username + url.password + url.hash !== '') return { expected: 'a URL without user and fragment' };
  const isKnown =
    url.protocol === 'http:' && (isLoopback(url.hostname) || CONTAINER_ADDRESSES.includes(hostOfUrl(url)));
  if (isKnown || (url.protocol === 'https:' && url.hostname !== '')) return { value: url.href };
  return {
    expected: 'https://, or http:// to localhost, a loopback address, 169.254.170.2, 169.254.170.23 or [fd00:ec2::23]',
  };
}
