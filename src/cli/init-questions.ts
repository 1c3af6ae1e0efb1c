import { homedir } from 'node:os';
import { normalize } from 'node:path/posix';
import { createInterface } from 'node:readline/promises';
import { draftConfig, type DraftConsumer, type DraftSink } from '../config/draft.ts';
import { PRESETS } from '../config/presets.ts';
import { oneOf } from '../config/problem.ts';
import { readMode, readOwner, readPath, readProfile, readUnit, REFUSED, type Reading } from '../config/scalars.ts';
import { AgentError } from '../core/errors.ts';
import { FIELDS } from '../core/fields.ts';
import { SECRETS } from '../core/owned.ts';

interface Question {
  readonly text: string;
  /** Shown in brackets; an empty answer means it. */
  readonly standard: string;
  readonly expected: string;
  readonly read: (answer: string) => Reading<unknown>;
}

/** Asks until it gets a valid answer, and returns that as it was written. */
type Ask = (question: Question) => Promise<string>;

/** Undefined if the person decides to write nothing. */
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
      const typed = await terminal.question(`${text} [${standard}]: `, { signal }).catch(noAnswer);
      const answer = typed.trim() || standard;
      const reading = read(answer);
      if ('value' in reading) return answer;
      const hint = reading.hint === undefined ? '' : ` (${reading.hint})`;
      say(`  expected ${reading.expected ?? expected}${hint}\n`);
    }
  };
  try {
    const sinks = await askSinks(ask);
    if (target === undefined) return sinks;
    say(`\n${draftConfig(sinks)}\n`);
    return (await askYesOrNo(ask, `Write this to ${target}?`, 'yes')) ? sinks : undefined;
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
  while (await askYesOrNo(ask, 'Another file?', 'no'));
  return sinks;
}

interface FormatQuestions {
  readonly format: DraftSink['format'];
  readonly path: string;
  /** A setting of its own, with its question, and what is made of the answer unless it is the setting. */
  readonly setting?: readonly [string, Question, ((answer: string) => Readonly<Record<string, string>>)?];
}

const PROFILE = { text: 'Profile', standard: 'default', expected: 'a profile', read: readProfile };
const FIELD = {
  text: 'Which value',
  standard: 'secret_access_key',
  expected: oneOf(FIELDS),
  read: (answer: string) => chosen(FIELDS, answer),
};

// rclone has a section for each remote, which would need another question.
const PROGRAMS = Object.keys(PRESETS).filter((name) => name !== 'rclone');
const PRESET = {
  text: `Which program's file: ${oneOf(PROGRAMS)}`,
  standard: 's3cmd',
  expected: oneOf(PROGRAMS),
  read: (answer: string) => chosen(PROGRAMS, answer),
};
const TEMPLATE = {
  text: 'Its template',
  standard: '/etc/credrotate/credentials.xml.template',
  expected: 'an absolute path',
  read: readPath,
};

const KEYS = {
  text: `Its keys for ${SECRETS.join(', ')}`,
  standard: 'aws.accessKeyId aws.secretAccessKey aws.sessionToken',
  expected: 'three keys, with blanks between them',
  read: (answer: string) => (/^[\w.-]+(?:\s+[\w.-]+){2}$/.test(answer) ? { value: answer } : REFUSED),
};

function keysIn(answer: string): Readonly<Record<string, string>> {
  const keys = answer.split(/\s+/);
  return Object.fromEntries(SECRETS.map((field, index) => [field, keys[index] ?? '']));
}

const FORMATS: readonly FormatQuestions[] = [
  { format: 'aws-credentials', path: `${homedir()}/.aws/credentials`, setting: ['profile', PROFILE] },
  { format: 'dotenv', path: '/etc/credrotate/aws.env' },
  { format: 'json', path: '/etc/credrotate/iam.json' },
  { format: 'ini', path: '/root/.s3cfg', setting: ['preset', PRESET] },
  { format: 'properties', path: '/etc/myapp/application.properties', setting: ['keys', KEYS, keysIn] },
  { format: 'template', path: '/etc/myapp/credentials.xml', setting: ['template_file', TEMPLATE] },
  { format: 'value', path: '/etc/credrotate/secret_access_key', setting: ['field', FIELD] },
];

function chosen(choices: readonly string[], answer: string): Reading<string> {
  return choices.includes(answer) ? { value: answer } : REFUSED;
}

async function askSink(ask: Ask, before: readonly DraftSink[]): Promise<DraftSink> {
  const { format, path: usualPath, setting } = await askFormat(ask);
  const path = await ask({
    text: 'Its path',
    standard: usualPath,
    expected: 'an absolute path that was not named yet',
    read: (answer) => unused(readPath(answer), before),
  });
  const settings = setting ? await askSetting(ask, setting) : {};
  const owner = await askName(ask, 'Owner (auto: the owner of the directory)', 'auto');
  const group = await askName(ask, 'Group with read access', 'none');
  const mode = await ask({
    text: 'Mode',
    standard: group === undefined ? '0600' : '0640',
    expected: 'permission bits such as 0600 or 0640',
    read: readMode,
  });
  return { format, path: normalize(path), settings, owner, group, mode, notify: await askConsumer(ask) };
}

async function askSetting(
  ask: Ask,
  [name, question, made]: NonNullable<FormatQuestions['setting']>,
): Promise<DraftSink['settings']> {
  const answer = await ask(question);
  return { [name]: made?.(answer) ?? answer };
}

async function askFormat(ask: Ask): Promise<FormatQuestions> {
  const names = FORMATS.map(({ format }) => format);
  const answer = await ask({
    text: `What the program reads: ${oneOf(names)}`,
    standard: 'aws-credentials',
    expected: `aws-credentials (a profile, as the AWS CLI and SDKs read it), ${oneOf(names.slice(1))}`,
    read: (text) => chosen(names, text),
  });
  return FORMATS.find(({ format }) => format === answer) ?? noAnswer();
}

function askName(ask: Ask, text: string, nothing: string): Promise<string | undefined> {
  return askUnless(ask, { text, standard: nothing, expected: `a name, a numeric id or ${nothing}`, read: readOwner });
}

async function askConsumer(ask: Ask): Promise<readonly DraftConsumer[]> {
  const unit = await askUnless(ask, {
    text: 'Systemd unit to reload or restart when it changes',
    standard: 'none',
    expected: 'a systemd unit such as myapp.service, or none',
    read: readUnit,
  });
  if (unit !== undefined) return [{ type: 'systemd', unit }];
  const pidFile = await askUnless(ask, {
    text: 'Pid file of a process to send SIGHUP to then',
    standard: 'none',
    expected: 'an absolute path, or none',
    read: readPath,
  });
  return pidFile === undefined ? [] : [{ type: 'signal', pidFile }];
}

/** Undefined for the standard answer, which sets nothing. */
async function askUnless(ask: Ask, question: Question): Promise<string | undefined> {
  const { standard, read } = question;
  const answer = await ask({ ...question, read: (text) => (text === standard ? { value: text } : read(text)) });
  return answer === standard ? undefined : answer;
}

async function askYesOrNo(ask: Ask, text: string, standard: 'yes' | 'no'): Promise<boolean> {
  const read = (answer: string): Reading<string> => (/^(?:y(?:es)?|no?)$/i.test(answer) ? { value: answer } : REFUSED);
  return /^y/i.test(await ask({ text, standard, expected: 'yes or no', read }));
}

function unused(reading: Reading<string>, before: readonly DraftSink[]): Reading<string> {
  const isUsed = 'value' in reading && before.some(({ path }) => path === reading.value);
  return isUsed ? { hint: 'one file is one sink' } : reading;
}
