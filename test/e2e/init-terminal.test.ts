import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { openSite, type Ended, type Site } from '../support/agent.ts';
import { hasTool } from '../support/tools.ts';

/** Gives one answer after each question, on a pseudo-terminal; prints what came, and ends with the program's exit code. */
const TERMINAL = `
import os, pty, sys
answers = sys.argv[1].split('|')
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
seen = b''
def read():
    global seen
    try:
        seen += os.read(terminal, 4096)
        return True
    except OSError:
        return False
for number, answer in enumerate(answers, 1):
    while seen.count(b']: ') < number:
        if not read():
            break
    os.write(terminal, b'\\x04' if answer == '^D' else b'\\x03' if answer == '^C' else answer.encode() + b'\\r')
while read():
    pass
sys.stdout.write(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

async function answer(site: Site, answers: string): Promise<Ended> {
  const options = ['init', '--output', site.path('c.yaml')];
  const ended = await site.run(options, { through: ['python3', '-c', TERMINAL, answers], env: { TERM: 'dumb' } });
  // What a terminal shows, without what moves its cursor.
  return { ...ended, stdout: ended.stdout.replace(/\x1b\[[\d;?]*[A-Za-z]|\r/g, '') };
}

function needsTerminal(t: TestContext): boolean {
  if (hasTool('python3')) return true;
  t.skip('needs python3 for a pseudo-terminal');
  return false;
}

test('init asks on a terminal, again where an answer makes no sense, and writes what check takes', async (t) => {
  if (!needsTerminal(t)) return;
  const site = await openSite(t);
  const env = site.path('app.env');
  const first = ['xml', 'dotenv', 'app.env', env, '', 'a:b', '', '', 'a b', 'myapp', 'maybe', 'yes'];
  const second = ['json', env, site.path('iam.json'), '', '', '0644', 'none', '/run/legacy.pid', 'no', 'yes'];
  const { code, stdout } = await answer(site, [...first, ...second].join('|'));
  assert.equal(code, 0, stdout);
  for (const complaint of [
    /^ {2}expected aws-credentials .* or [a-z]+$/m,
    /^ {2}expected an absolute path that was not named yet \(begin it with \/\)$/m,
    /^ {2}expected .* \(write owner and group as two settings\)$/m,
    /^ {2}expected a systemd unit /m,
    /^ {2}expected yes or no$/m,
    /^ {2}expected .* \(one file is one sink\)$/m,
    /c\.yaml: written, 2 sinks, 2 consumers$/m,
  ])
    assert.match(stdout, complaint);
  const checked = await site.run(['check', '--config', site.path('c.yaml')]);
  // Its unit is none of this host's.
  assert.equal(checked.code, 74, checked.stderr);
  const text = readFileSync(site.path('c.yaml'), 'utf8');
  assert.match(text, /app\.env\n {4}format: dotenv\n {4}mode: 0600\n {4}notify: \[myapp\]$/m);
  assert.match(text, /iam\.json\n {4}format: json\n {4}mode: 0644\n {4}notify: \[legacy\]$/m);
});

test('init asks for the keys of a properties file', async (t) => {
  if (!needsTerminal(t)) return;
  const site = await openSite(t);
  const answers = [
    'properties',
    site.path('app.properties'),
    'a.id a.key',
    'a.id a.key a.token',
    '',
    '',
    '',
    '',
    '',
    '',
    'yes',
  ];
  const { code, stdout } = await answer(site, answers.join('|'));
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^ {2}expected three keys, with blanks between them$/m);
  const text = readFileSync(site.path('c.yaml'), 'utf8');
  assert.match(
    text,
    /format: properties\n {4}keys:\n {6}access_key_id: a\.id\n {6}secret_access_key: a\.key\n {6}session_token: a\.token\n/,
  );
});

test('init takes empty answers for the defaults that it shows', async (t) => {
  if (!needsTerminal(t)) return;
  const site = await openSite(t);
  const { code, stdout } = await answer(site, Array(10).fill('').join('|'));
  assert.equal(code, 0, stdout);
  const text = readFileSync(site.path('c.yaml'), 'utf8');
  assert.match(
    text,
    new RegExp(
      `path: ${site.path('home')}/.aws/credentials\n {4}format: aws-credentials\n {4}profile: default\n {4}mode: 0600\n`,
    ),
  );
});

for (const [what, answers, expected] of [
  ['when the answer is no', '|||||||||no', 0],
  ['at the end of the input', 'dotenv|^D', 64],
  ['after ^C', 'dotenv|^C', 64],
] as const) {
  test(`init writes nothing ${what}`, async (t) => {
    if (!needsTerminal(t)) return;
    const site = await openSite(t);
    const { code, stdout } = await answer(site, answers);
    assert.equal(code, expected, stdout);
    assert.equal(existsSync(site.path('c.yaml')), false);
  });
}
