import { execFileSync } from 'node:child_process';
import { describe, test, type TestContext } from 'node:test';
import { IN_PLACE, raceWriter } from '../faults/writers.ts';

/** Reads what stands, sets the next value by `set`, and counts; see writer-child.ts. */
const WRITER = `
import json, os, re, select, subprocess, sys, time
path, pause = sys.argv[1], float(sys.argv[2]) / 1000
sets = lost = 0
while not select.select([sys.stdin], [], [], pause)[0]:
    if sets > 0 and not re.search(r'^\\w+ = %d$' % sets, open(path).read(), re.M): lost += 1
    sets += 1
    set(str(sets))
    if sets == 1: print('writing', flush=True)
print(json.dumps({'sets': sets, 'lost': lost}))
`;

const BY_LIBRARY = `
from awscli.customizations.configure.writer import ConfigFileWriter
def set(value): ConfigFileWriter().update_config({'__section__': 'other', 'region': value}, path)
${WRITER}`;

const BY_COMMAND = `
def set(value):
    env = dict(os.environ, AWS_SHARED_CREDENTIALS_FILE=path)
    subprocess.run(['aws', 'configure', 'set', 'aws_access_key_id', value, '--profile', 'other'], env=env, check=True)
${WRITER}`;

/** A writer who is kept waiting for longer than the product waits loses, and this one cannot say that it was. */
const UNDISTURBED = ['nice', '--adjustment=-20'];

/** Each waits most of the time. */
describe('beside many rotations', { concurrency: 3 }, () => {
  test('a tool that writes in place', async (t) => {
    await raceWriter(t, { what: 'a tool that writes in place', writer: IN_PLACE, pause: 20, rotations: 400 });
  });

  test('the library of the aws command', async (t) => {
    if (isMissing(t, 'python3', '-c', 'import awscli')) return;
    const writer = [...UNDISTURBED, 'python3', '-c', BY_LIBRARY];
    await raceWriter(t, { what: "the aws command's library", writer, pause: 20, rotations: 400 });
  });

  test('the aws command', async (t) => {
    if (isMissing(t, 'aws', '--version')) return;
    const writer = [...UNDISTURBED, 'python3', '-c', BY_COMMAND];
    await raceWriter(t, { what: 'aws configure set', writer, pause: 100, rotations: 200 });
  });
});

function isMissing(t: TestContext, program: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return false;
  } catch {
    t.skip(`needs the aws command: ${[program, ...args].join(' ')} does not run`);
    return true;
  }
}
