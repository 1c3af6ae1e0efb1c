import { formatExpiration } from '../core/credentials.ts';
import { errorPage, page, plain, prettyJson, type Answer, type Delivery } from './answer.ts';
import { TTL_HEADER, type RequestKind, type Tokens } from './imds.ts';

export const FAULT_TARGETS = ['token', 'role', 'credentials', 'any'] as const;
export type FaultTarget = (typeof FAULT_TARGETS)[number];

/** Something that goes wrong with an answer. */
export interface Fault {
  readonly at: FaultTarget;
  readonly kind: FaultKind;
  /** What it means depends on the kind; see {@link FAULT_KINDS}. */
  readonly value?: number;
  /** So many answers, then it is gone; unset: until it is taken away. */
  readonly times?: number;
  /** From 0 to 1; unset: always. */
  readonly probability?: number;
}

export interface FaultContext {
  readonly tokens: Tokens;
  readonly now: () => number;
}

type FaultEffect = (answer: Answer, value: number, context: FaultContext) => Answer;

/** Whole numbers. */
interface Value {
  readonly meaning: string;
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

interface Kind {
  readonly edit: FaultEffect;
  /** What `value` is, with its default; unset: the kind takes none. */
  readonly value?: Value;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const kinds = {
  status: {
    edit: (_, code) => errorPage(code),
    value: { meaning: 'an HTTP status', default: 500, min: 200, max: 599 },
  },
  throttle: { edit: () => errorPage(503) },
  hang: deliver('hang'),
  'hang-body': deliver('hang-body'),
  drip: deliver('drip'),
  cut: deliver('cut'),
  reset: deliver('reset'),
  torn: { edit: (answer) => withBody(answer, answer.body.subarray(0, answer.body.length / 2)) },
  huge: {
    edit: (answer, size) => withBody(answer, Buffer.alloc(size, 'x')),
    value: { meaning: 'bytes', default: 1_048_576, min: 1, max: 67_108_864 },
  },
  html: { edit: () => plain(page('Welcome'), { 'content-type': 'text/html' }) },
  'content-type': { edit: (answer) => withHeader(answer, 'content-type', 'application/octet-stream') },
  'trailing-newline': { edit: (answer) => append(answer, '\n') },
  'short-ttl': { edit: shortenToken, value: { meaning: 'seconds', default: 1, min: 1, max: 21_600 } },
  'invalidate-token': { edit: invalidateTokens },
  'many-roles': { edit: (answer) => append(answer, '\nanother-role') },
  'unknown-keys': document((fields) => ({ Unheard: { of: [1, null] }, ...fields, AccountRegion: 'elsewhere' })),
  'empty-fields': document((fields) => ({ ...fields, SecretAccessKey: '', Token: '' })),
  denied: document((fields) => ({
    Code: 'AssumeRoleUnauthorizedAccess',
    Message: 'EC2 cannot assume the role. Please see documentation at the AWS site.',
    LastUpdated: fields['LastUpdated'],
  })),
  expired: document((fields, _, now) => ({ ...fields, Expiration: formatExpiration(now - HOUR) })),
  'expires-earlier': document((fields, by) => shiftTimes(fields, -by, ['Expiration']), {
    meaning: 'milliseconds',
    default: HOUR,
    min: 1,
    max: DAY,
  }),
  skew: { edit: skew, value: { meaning: 'milliseconds', default: HOUR, min: -DAY, max: DAY } },
} as const satisfies Record<string, Kind>;

export type FaultKind = keyof typeof kinds;

export const FAULT_KINDS: Readonly<Record<FaultKind, Kind>> = kinds;

/** The faults that are left, counted down as answers meet them. */
export class Faults {
  #faults: readonly Fault[];
  readonly #context: FaultContext;

  constructor(faults: readonly Fault[], context: FaultContext) {
    this.#faults = faults;
    this.#context = context;
  }

  list(): readonly Fault[] {
    return this.#faults;
  }

  set(faults: readonly Fault[]): void {
    this.#faults = faults;
  }

  /** Faults that meet the same answer work one after the other, in the order given. */
  apply(answer: Answer, request: RequestKind): Answer {
    let result = answer;
    this.#faults = this.#faults.flatMap((fault) => {
      if (fault.at !== 'any' && fault.at !== request) return [fault];
      if (fault.probability !== undefined && Math.random() >= fault.probability) return [fault];
      const kind = FAULT_KINDS[fault.kind];
      result = kind.edit(result, fault.value ?? kind.value?.default ?? 0, this.#context);
      return countDown(fault);
    });
    return result;
  }
}

function countDown(fault: Fault): Fault[] {
  if (fault.times === undefined) return [fault];
  return fault.times > 1 ? [{ ...fault, times: fault.times - 1 }] : [];
}

function deliver(delivery: Delivery): Kind {
  return { edit: (answer) => ({ ...answer, delivery }) };
}

/** Edits the JSON of credentials; other answers are left alone. */
function document(
  edit: (fields: Record<string, unknown>, value: number, now: number) => Record<string, unknown>,
  value?: Value,
): Kind {
  const kind: Kind = {
    edit: (answer, amount, context) => {
      const fields = parseCredentials(answer);
      if (fields === undefined) return answer;
      return withBody(answer, Buffer.from(prettyJson(edit(fields, amount, context.now()))));
    },
  };
  return value === undefined ? kind : { ...kind, value };
}

/** Undefined for another answer, and where the fault before has left no document of them. */
function parseCredentials(answer: Answer): Record<string, unknown> | undefined {
  if (answer.status !== 200 || !answer.body.includes('"AccessKeyId"')) return undefined;
  try {
    // Our own answer, so its shape is known.
    return JSON.parse(answer.body.toString()) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** As if the service's clock ran ahead: everything that tells time is later. */
function skew(answer: Answer, by: number, context: FaultContext): Answer {
  const dated = withHeader(answer, 'date', new Date(context.now() + by).toUTCString());
  return document((fields) => shiftTimes(fields, by, ['LastUpdated', 'Expiration'])).edit(dated, by, context);
}

function shiftTimes(fields: Record<string, unknown>, by: number, names: readonly string[]): Record<string, unknown> {
  const shifted = { ...fields };
  for (const name of names) shifted[name] = formatExpiration(Date.parse(String(fields[name])) + by);
  return shifted;
}

function shortenToken(answer: Answer, seconds: number, { tokens }: FaultContext): Answer {
  if (answer.status !== 200 || answer.headers[TTL_HEADER] === undefined) return answer;
  tokens.limit(answer.body.toString(), seconds);
  return withHeader(answer, TTL_HEADER, String(seconds));
}

function invalidateTokens(_: Answer, __: number, { tokens }: FaultContext): Answer {
  tokens.invalidate();
  return errorPage(401);
}

function append(answer: Answer, text: string): Answer {
  return withBody(answer, Buffer.concat([answer.body, Buffer.from(text)]));
}

function withBody(answer: Answer, body: Buffer): Answer {
  return { ...answer, body };
}

function withHeader(answer: Answer, name: string, value: string): Answer {
  return { ...answer, headers: { ...answer.headers, [name]: value } };
}
