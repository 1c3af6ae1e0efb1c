import type { HttpError, HttpFailure } from '../../core/contracts.ts';
import { AgentError, type ErrorCode } from '../../core/errors.ts';
import { hide } from '../../core/mask.ts';
import { printable } from '../../core/printable.ts';
import type { Secret } from '../../core/secret.ts';
import type { Fields } from '../document.ts';

interface ContainerVerdict {
  readonly code: ErrorCode;
  /** Whether the same request may succeed a little later. */
  readonly passes: boolean;
  readonly hint: string;
}

export class ContainerFault extends AgentError {
  readonly passes: boolean;

  constructor({ code, passes, hint }: ContainerVerdict, message: string) {
    super(code, message, { hint });
    this.passes = passes;
  }
}

const starting = (hint: string): ContainerVerdict => ({ code: 'SOURCE_UNREACHABLE', passes: true, hint });
const denied = (hint: string, passes = false): ContainerVerdict => ({ code: 'SOURCE_DENIED', passes, hint });
const strange = (hint: string, passes = false): ContainerVerdict => ({ code: 'SOURCE_MALFORMED', passes, hint });

const NOT_YET = starting(
  'just after the start of a host its agent has no credentials yet; if it lasts, see the log of the ECS agent, the EKS Pod ' +
    'Identity agent, or whatever gives them',
);
const TROUBLED = starting('what gives the credentials is in trouble, or asked too often: see its log');
const REFUSED = denied(
  'the token or the path is not one that it knows: see that both are of this very container, and that the role trusts it',
);
const STRANGER = strange('look at what answers there: a proxy or another program may have taken its place', true);
const REDIRECTED = strange('redirects are not followed: name the place that it leads to, with its last slash, say');
const NO_ANSWER = starting('what gives the credentials hangs, or a firewall drops the packets');
const NO_CONNECTION = starting(
  'nothing answers there yet: is it started, and is this a container or a pod that it serves?',
);

/** For an answer that is no success. The code and the message in it are shown, unless they hold what may be a secret. */
export function refusal(
  url: URL,
  status: number,
  {
    body,
    fields,
    token,
  }: { readonly body: Buffer; readonly fields: Fields | undefined; readonly token?: Secret | undefined },
): ContainerFault {
  const said = fields ? [fields.get('code'), fields.get('message')] : [body.toString('latin1').split('\n')[0]];
  const words = said.filter((one) => typeof one === 'string').map((text) => text.trim());
  const detail = words.filter((text) => text !== '').map((text) => shown(text, url, token));
  const message = `GET ${url.origin}: expected status 200, got ${status}`;
  return new ContainerFault(
    judge(status, words[0]),
    detail.length === 0 ? message : `${message} (${detail.join(': ')})`,
  );
}

function judge(status: number, code: string | undefined): ContainerVerdict {
  if (code === 'CredentialsUninitialized') return NOT_YET;
  if (status >= 500 || status === 429) return TROUBLED;
  if (status >= 300 && status < 400) return REDIRECTED;
  return status === 200 || [400, 401, 403, 404].includes(status) ? REFUSED : STRANGER;
}

/** A run of characters as in keys, tokens and the paths of ECS. */
const SECRET = /[\w+/=-]{32}/;

/** The path of ECS is as good as a token. */
function shown(text: string, { pathname }: URL, token: Secret | undefined): string {
  if (text.startsWith('<')) return 'a page';
  const isEcho = (pathname !== '/' && text.includes(pathname)) || (token && hide(text, [token]) !== text);
  return isEcho || SECRET.test(text) ? '[not shown]' : printable(text.slice(0, 200));
}

/** For an answer that is not what the services give. */
export function malformed(url: URL, expected: string, got: string): ContainerFault {
  return new ContainerFault(STRANGER, `GET ${url.origin}: expected ${expected}, got ${got}`);
}

/** For a request that got none in time; `ms`: how long was waited. */
export function outOfTime(url: URL, ms: number): ContainerFault {
  return new ContainerFault(NO_ANSWER, `GET ${url.origin}: expected an answer within ${ms / 1000} s, got none`);
}

/** For a request that got no answer. */
export function transportFault(url: URL, { failure, message }: HttpError): ContainerFault {
  const expected = failure === 'untrusted' && url.protocol === 'http:' ? 'a port of root, or of user:' : 'an answer';
  return new ContainerFault(FAILURES[failure], `GET ${url.origin}: expected ${expected}, got ${message}`);
}

const FAILURES: Readonly<Record<HttpFailure, ContainerVerdict>> = {
  connect: NO_CONNECTION,
  no_route: NO_CONNECTION,
  prohibited: NO_CONNECTION,
  proxy: NO_CONNECTION,
  aborted: NO_ANSWER,
  reset: NO_ANSWER,
  protocol: STRANGER,
  too_large: STRANGER,
  untrusted: denied(
    'whoever answers there chooses the credentials: name the user who may, user:, or for https:// the certificates, ca_file:',
    true,
  ),
};
