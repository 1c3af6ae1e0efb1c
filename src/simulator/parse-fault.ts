import { AgentError } from '../core/errors.ts';
import { FAULT_KINDS, FAULT_TARGETS, type Fault, type FaultKind, type FaultTarget } from './faults.ts';

const USAGE = 'write AT=KIND[:VALUE][,times=N][,probability=P], such as credentials=status:503,times=2';

/** Reads `credentials=status:503,times=2`. Throws `USAGE`. */
export function parseFault(text: string): Fault {
  const [head = '', ...settings] = text.split(',');
  const [, at, kind, value] = /^([^=]*)=([^:]*)(?::(.*))?$/.exec(head) ?? [];
  if (at === undefined) throw invalid('fault', 'AT=KIND', text);
  const fields: Record<string, unknown> = { at, kind };
  if (value !== undefined) fields['value'] = number(value);
  for (const setting of settings) {
    const [name = '', amount = ''] = setting.split('=', 2);
    if (name !== 'times' && name !== 'probability') throw invalid('setting', 'times=N or probability=P', setting);
    fields[name] = number(amount);
  }
  return checkFault(fields);
}

/** A fault from JSON or text, checked. Throws `USAGE`. */
export function checkFault(input: unknown): Fault {
  if (typeof input !== 'object' || input === null) throw invalid('fault', 'an object', input);
  const { at, kind, value, times, probability, ...unknown } = input as Record<string, unknown>;
  if (!isTarget(at)) throw invalid('at', oneOf(FAULT_TARGETS), at);
  if (!isKind(kind)) throw invalid('kind', oneOf(Object.keys(FAULT_KINDS)), kind);
  const [surplus] = Object.keys(unknown);
  if (surplus !== undefined) throw invalid('keys', 'at, kind, value, times, probability', surplus);
  return {
    at,
    kind,
    ...optional('value', value, checkValue(kind)),
    ...optional('times', times, { expected: 'a whole number from 1', valid: (n) => Number.isInteger(n) && n >= 1 }),
    ...optional('probability', probability, { expected: 'a number from 0 to 1', valid: (n) => n >= 0 && n <= 1 }),
  };
}

interface Check {
  readonly expected: string;
  readonly valid: (value: number) => boolean;
}

function checkValue(kind: FaultKind): Check {
  const value = FAULT_KINDS[kind].value;
  if (value === undefined) return { expected: `nothing with ${kind}`, valid: () => false };
  return {
    expected: `${value.meaning}, ${value.min} to ${value.max}`,
    valid: (n) => Number.isInteger(n) && n >= value.min && n <= value.max,
  };
}

function optional<Name extends string>(name: Name, value: unknown, check: Check): Partial<Record<Name, number>> {
  if (value === undefined) return {};
  if (typeof value !== 'number' || !check.valid(value)) throw invalid(name, check.expected, value);
  // A computed key widens to string; the value is under the name that was asked for.
  return { [name]: value } as Partial<Record<Name, number>>;
}

function isTarget(value: unknown): value is FaultTarget {
  return FAULT_TARGETS.some((target) => target === value);
}

function isKind(value: unknown): value is FaultKind {
  return typeof value === 'string' && Object.hasOwn(FAULT_KINDS, value);
}

/** What is no number stays text, so that the check can show it. */
function number(text: string): number | string {
  return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
}

function oneOf(names: readonly string[]): string {
  return `one of ${names.join(', ')}`;
}

function invalid(what: string, expected: string, got: unknown): AgentError {
  return new AgentError(
    'USAGE',
    `fault ${what}: expected ${expected}, got ${got === undefined ? 'nothing' : JSON.stringify(got)}`,
    {
      hint: USAGE,
    },
  );
}
