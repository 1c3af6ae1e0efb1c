import { homedir } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { draftConfig, type DraftConsumer, type DraftSink } from '../config/draft.ts';
import { readMode, readOwner, readPath, readProfile, readUnit, type Reading } from '../config/scalars.ts';
import { AgentError } from '../core/errors.ts';

/** What somebody answers, or what is taken for an empty answer. */
interface Question<T> {
  readonly text: string;
  /** Shown in brackets, and read like an answer. */
  readonly standard: string;
  readonly read: (answer: string) => Reading<T>;
  /** What an answer must be. */
  readonly expected: string;
}

type Ask = <T>(question: Question<T>) => Promise<T>;

/** Undefined when nothing is to be written after all. */
export async function askOnTerminal(
  stop: AbortSignal,
  target: string | undefined,
): Promise<readonly DraftSink[] | undefined> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const ended = new AbortController();
  // Ctrl-D and Ctrl-C: a question that is open would stay so.
  terminal.on('close', () => {
    ended.abort();
  });
  const signal = AbortSignal.any([stop, ended.signal]);
  const say = (text: string): void => void process.stdout.write(text);
  const ask: Ask = async ({ text, standard, read, expected }) => {
    for (;;) {
      const answer = await terminal.question(`${text} [${standard}]: `, { signal }).catch(noAnswer);
      const reading = read(answer.trim() || standard);
      if ('value' in reading) return reading.value;
      const hint = reading.hint === undefined ? '' : ` (${reading.hint})`;
      say(`  expected ${reading.expected ?? expected}${hint}\n`);
    }
  };
  try {
    const sinks = await askSinks(ask);
    if (target === undefined) return sinks;
    say(`\n${draftConfig(sinks)}\n`);
    return (await ask(yesOrNo(`Write this to ${target}?`, 'yes'))) ? sinks : undefined;
  } finally {
    terminal.close();
  }
}

function noAnswer(): never {
  throw new AgentError('USAGE', 'init: expected an answer, got the end of the input', { hint: 'nothing was written' });
}

async function askSinks(ask: Ask): Promise<readonly DraftSink[]> {
  const sinks: DraftSink[] = [];
  do sinks.push(await askSink(ask, sinks));
  while (await ask(yesOrNo('Another file?', 'no')));
  return sinks;
}

const FORMATS = ['aws-credentials', 'dotenv', 'json'] as const;

/** Where nothing else is said. */
const PATHS: Readonly<Record<DraftSink['format'], string>> = {
  'aws-credentials': `${homedir()}/.aws/credentials`,
  dotenv: '/etc/credrotate/aws.env',
  json: '/etc/credrotate/iam.json',
};

async function askSink(ask: Ask, before: readonly DraftSink[]): Promise<DraftSink> {
  const format = await ask({
    text: 'What the program reads: aws-credentials, dotenv or json',
    standard: FORMATS[0],
    expected: 'aws-credentials (a profile, as the AWS CLI and SDKs read it), dotenv (NAME=value) or json',
    read: (answer) => oneOf(FORMATS, answer),
  });
  const path = await ask({
    text: 'Its path',
    standard: PATHS[format],
    expected: 'an absolute path that was not named yet',
    read: (answer) => unused(readPath(answer), before),
  });
  const profile = format === 'aws-credentials' ? await ask(PROFILE) : undefined;
  const owner = await ask(nameOr('auto', 'Owner (auto: the owner of the directory)'));
  const group = await ask(nameOr('none', 'Group with read access'));
  const mode = await ask({ ...MODE, standard: group === undefined ? '0600' : '0640' });
  return { format, path, profile, owner, group, mode, notify: await askConsumer(ask) };
}

const PROFILE: Question<string> = { text: 'Profile', standard: 'default', expected: 'a profile', read: readProfile };

const MODE: Question<string> = {
  text: 'Mode',
  standard: '0600',
  expected: 'permission bits such as 0600 or 0640',
  read: (answer) => asWritten(readMode(answer), answer),
};

function nameOr(nothing: string, text: string): Question<string | undefined> {
  const expected = `a name, a numeric id or ${nothing}`;
  return { text, standard: nothing, expected, read: (answer) => unless(nothing, readOwner, answer) };
}

async function askConsumer(ask: Ask): Promise<readonly DraftConsumer[]> {
  const unit = await ask({
    text: 'Systemd unit to reload or restart when it changes',
    standard: 'none',
    expected: 'a systemd unit such as myapp.service, or none',
    read: (answer) => unless('none', readUnit, answer),
  });
  if (unit !== undefined) return [{ type: 'systemd', unit }];
  const pidFile = await ask({
    text: 'Pid file of a process to send SIGHUP to then',
    standard: 'none',
    expected: 'an absolute path, or none',
    read: (answer) => unless('none', readPath, answer),
  });
  return pidFile === undefined ? [] : [{ type: 'signal', pidFile }];
}

function yesOrNo(text: string, standard: 'yes' | 'no'): Question<boolean> {
  const read = (answer: string): Reading<boolean> => {
    const isYes = /^y(?:es)?$/i.test(answer);
    return isYes || /^no?$/i.test(answer) ? { value: isYes } : {};
  };
  return { text, standard, expected: 'yes or no', read };
}

function oneOf<const C extends string>(choices: readonly C[], answer: string): Reading<C> {
  const value = choices.find((choice) => choice === answer);
  return value === undefined ? {} : { value };
}

function unused(reading: Reading<string>, before: readonly DraftSink[]): Reading<string> {
  const isUsed = 'value' in reading && before.some(({ path }) => path === reading.value);
  return isUsed ? { hint: 'one file is one sink' } : reading;
}

/** A word that stands for nothing, or an answer as it was written. */
function unless(
  nothing: string,
  read: (answer: string) => Reading<unknown>,
  answer: string,
): Reading<string | undefined> {
  return answer === nothing ? { value: undefined } : asWritten(read(answer), answer);
}

function asWritten(reading: Reading<unknown>, answer: string): Reading<string> {
  return 'value' in reading ? { value: answer } : reading;
}
