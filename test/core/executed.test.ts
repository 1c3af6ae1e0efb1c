import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { executedBy } from '../../src/core/executed.ts';

/** What is judged beside the program itself. */
function judged(command: string, program?: string): string {
  const words = command.split(/ (?=(?:[^']*'[^']*')*[^']*$)/).map((word) => word.replace(/^'(.*)'$/s, '$1'));
  const [own, ...rest] = executedBy(words, program);
  assert.deepEqual(own, { word: 0, path: words[0], role: 'program' });
  return rest.map(({ word, path }) => `${word} ${path}`).join(', ');
}

describe('what a command executes', () => {
  // Cause: `command: [/bin/sh, /home/alice/hook.sh]` ran the user's script as root.
  const cases: Readonly<Record<string, string>> = {
    // An ordinary program does with paths what it likes.
    '/opt/hook /home/al/x -c /home/al/y': '',
    '/usr/bin/logger': '',
    // The script, and not what it is given.
    '/bin/sh /home/al/h.sh /home/al/data': '1 /home/al/h.sh',
    '/bin/sh': '',
    '/bin/sh home/al/h.sh': '1 /home/al/h.sh',
    '/bin/sh -eu h.sh': '2 /h.sh',
    '/bin/sh -- -h.sh': '2 /-h.sh',
    '/bin/bash -euo pipefail /home/al/h.sh': '3 /home/al/h.sh',
    '/bin/bash +O extglob --norc /opt/h.sh': '4 /opt/h.sh',
    '/bin/bash --rcfile /home/al/rc /opt/h.sh': '2 /home/al/rc, 3 /opt/h.sh',
    '/usr/bin/bash-static /opt/h.sh /home/al/x': '1 /opt/h.sh',
    '/usr/bin/python3.13 /opt/h.py /home/al/x': '1 /opt/h.py',
    '/usr/bin/python3.13t -u -W error /opt/h.py': '4 /opt/h.py',
    '/usr/bin/perl5.36.0 -w -I/home/al/lib /opt/h.pl': '2 /-I/home/al/lib, 2 /home/al/lib, 3 /opt/h.pl',
    '/usr/bin/perl -I /home/al/lib /opt/h.pl': '2 /home/al/lib, 3 /opt/h.pl',
    '/usr/bin/ruby3.1 -r /home/al/x /opt/h.rb /home/al/y': '2 /home/al/x, 3 /opt/h.rb',
    '/usr/bin/nodejs --require /home/al/x.js /opt/h.js': '2 /home/al/x.js, 3 /opt/h.js',
    '/usr/bin/node22 --import=/home/al/x.js /opt/h.js': '1 /home/al/x.js, 2 /opt/h.js',
    '/usr/bin/php8.2 -d auto_prepend_file=/home/al/x /opt/h.php': '2 /home/al/x, 3 /opt/h.php',
    '/usr/bin/php8.2-cgi /opt/h.php /home/al/x': '1 /opt/h.php',
    // Code among the words, a module, a further program: every path.
    "/bin/sh -c '. /home/al/h; /opt/x' sh /home/al/d": '2 /home/al/h, 2 /opt/x, 4 /home/al/d',
    "/bin/sh -ec '/opt/x&&/home/al/h'": '2 /opt/x, 2 /home/al/h',
    "/bin/sh -c '/usr/bin/true; home/al/h'": '2 /usr/bin/true; home/al/h, 2 /usr/bin/true, 2 /home/al/h, 2 /al/h',
    '/usr/bin/python3 -m h /home/al/d': '3 /home/al/d',
    '/usr/bin/perl -we \'do "/home/al/h"\'': '2 /home/al/h',
    '/usr/bin/node -p /home/al/h': '2 /home/al/h',
    '/usr/bin/php -r x /home/al/h': '3 /home/al/h',
    '/bin/sh -s /home/al/h': '2 /home/al/h',
    '/usr/bin/env A=/home/al/x python3 /home/al/h.py': '1 /home/al/x, 3 /home/al/h.py',
    '/usr/bin/nice -n 5 /home/al/h': '3 /home/al/h',
    '/usr/bin/timeout 10 /opt/h /home/al/d': '2 /opt/h, 3 /home/al/d',
    '/usr/bin/sudo -u al /home/al/h': '3 /home/al/h',
    '/usr/bin/setpriv --reuid=al -- /home/al/h': '3 /home/al/h',
    '/usr/bin/su-exec al /home/al/h': '2 /home/al/h',
    '/lib64/ld-linux-x86-64.so.2 /home/al/h': '1 /home/al/h',
    '/bin/busybox sh /home/al/h': '2 /home/al/h',
    '/usr/bin/awk -f /home/al/h': '2 /home/al/h',
  };
  for (const [command, expected] of Object.entries(cases)) {
    test(command, () => {
      const paths = judged(command);
      // The parts of a path say nothing that the path does not.
      for (const one of expected.split(', ')) assert.ok(paths.split(', ').includes(one), `${one} in ${paths}`);
      if (expected === '') assert.equal(paths, '');
    });
  }

  test('a data file of a script is not judged', () => {
    assert.equal(judged('/bin/sh /opt/h.sh /home/al/data'), '1 /opt/h.sh');
  });

  test('an interpreter is known by what its link leads to, many programs in one by the name', () => {
    assert.equal(judged('/opt/run /home/al/h', '/usr/bin/dash'), '1 /home/al/h');
    assert.equal(judged('/opt/run /home/al/h', '/usr/bin/nice'), '1 /home/al/h');
    assert.equal(judged('/usr/bin/logger /home/al/h', '/bin/busybox'), '');
    assert.equal(judged('/bin/sh /opt/h /home/al/d', '/bin/busybox'), '1 /opt/h');
  });

  test('what is a path is told from what may be one', () => {
    const roles = (...command: readonly string[]): readonly string[] =>
      executedBy(command).map(({ path, role }) => `${role} ${path}`);
    assert.deepEqual(roles('/bin/sh', '-e', '/opt/h'), ['program /bin/sh', 'script /opt/h']);
    assert.deepEqual(roles('/bin/sh', '-c', 'x s/a/b/ /opt/h'), [
      'program /bin/sh',
      'guess /s/a/b',
      'guess /a/b',
      'word /opt/h',
    ]);
  });

  test('strange words are no trouble', () => {
    assert.deepEqual(executedBy([]), [{ word: 0, path: '', role: 'program' }]);
    assert.equal(judged('/bin/sh --'), '');
    const long = '/'.repeat(100_000);
    assert.deepEqual(executedBy(['/bin/sh', '-c', long]).slice(1), [{ word: 2, path: '/', role: 'word' }]);
  });
});
