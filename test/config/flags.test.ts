import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configFromFlags, type NamedSinks } from '../../src/config/assemble.ts';
import { formatProblems } from '../../src/config/problem.ts';

function say(flags: NamedSinks): string {
  const result = configFromFlags(flags, '/srv');
  return formatProblems(result.ok ? result.warnings : result.problems);
}

test('sinks of the command line mean the same as those of a file', () => {
  const result = configFromFlags(
    {
      awsCredentials: ['/root/.aws/credentials'],
      profile: 'ci',
      dotenv: ['/etc/a.env', 'b.env'],
      jsonFile: ['iam.json'],
      mode: '640',
      group: 'www',
    },
    '/srv',
  );
  assert.ok(result.ok);
  assert.deepEqual(result.warnings, []);
  assert.deepEqual(result.config.files, []);
  assert.deepEqual(
    result.config.sinks.map(({ format, path, mode, owner, group }) => [format, path, mode, owner, group]),
    [
      ['aws-credentials', '/root/.aws/credentials', 0o640, undefined, 'www'],
      ['dotenv', '/etc/a.env', 0o640, undefined, 'www'],
      ['dotenv', '/srv/b.env', 0o640, undefined, 'www'],
      ['json', '/srv/iam.json', 0o640, undefined, 'www'],
    ],
  );
  const [credentials, , , json] = result.config.sinks;
  assert.equal(credentials?.format === 'aws-credentials' && credentials.profile, 'ci');
  assert.deepEqual(json?.format === 'json' && json.content, { shape: 'imds' });
  assert.equal(result.config.startupWait, 60_000);
});

test('problems name the option, once for all its sinks', () => {
  assert.equal(
    say({ dotenv: ['a', 'b'], mode: '666', owner: 'a:b' }),
    `--owner: expected a name or a numeric id, got "a:b"
  hint: write owner and group as two settings
--mode: expected permission bits such as 0600 or 0640, got "666"
  hint: others could put credentials of their own there: leave out their write bit
`,
  );
  assert.equal(
    say({ awsCredentials: ['/a'], profile: 'DEFAULT', jsonFile: ['~/x', ''] }),
    `--profile: expected another profile, got "DEFAULT"
  hint: readers take [DEFAULT] as a base of all other profiles: default is another one
--json-file: expected an absolute path, got "~/x"
  hint: write the home directory out: there is no shell to expand ~
--json-file: expected an absolute path, got ""
  hint: begin it with /
`,
  );
});

test('one path cannot be two sinks', () => {
  assert.match(
    say({ dotenv: ['x'], jsonFile: ['/srv/./x'] }),
    /^--json-file: expected a file of its own, got that of --dotenv\n/,
  );
});

test('a mode that lets everybody read is a warning here too', () => {
  assert.match(say({ dotenv: ['a', 'b'], mode: '0644' }), /^--mode: warning: expected a mode that keeps others out/);
});
