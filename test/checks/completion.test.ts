import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { limit } from '../support/limits.ts';
import { executable } from '../support/product.ts';
import { tempDir } from '../support/temp-dir.ts';
import { hasTool } from '../support/tools.ts';

const STUBS = join(import.meta.dirname, '../../packaging/completions');

/** The first two would be run, or taken for several words, by a shell that evaluates what it is given. */
const CONFIG = {
  sinks: [
    { path: '/srv/$(touch owned)', format: 'json' },
    { path: '/srv/my app.json', format: 'json' },
    { path: '/srv/plain.env', format: 'dotenv', notify: ['web'] },
    { path: '/srv/a:b.env', format: 'dotenv' },
    { path: '/srv/credentials', format: 'aws-credentials', profile: 'batch' },
  ],
  consumers: { web: { type: 'exec', command: ['/bin/true'] } },
};

interface Stage {
  readonly script: string;
  readonly config: string;
  readonly run: (command: readonly string[]) => string;
}

/** The completion of a shell, a configuration, and a PATH on which credrotate and a systemctl are. */
function stage(t: TestContext, shell: 'bash' | 'zsh' | 'fish'): Stage | undefined {
  if (!hasTool(shell)) {
    t.skip(`needs ${shell}`);
    return undefined;
  }
  const directory = tempDir(t);
  const path = (name: string): string => join(directory, name);
  for (const name of ['bin', 'functions', 'home']) mkdirSync(path(name));
  const script = path('functions/_credrotate');
  copyFileSync(join(STUBS, `credrotate.${shell}`), script);
  copyFileSync(executable, path('bin/credrotate'));
  // Half a second is a person's patience, and no limit for a machine that is busy with tests.
  writeFileSync(path('bin/timeout'), '#!/bin/sh\n[ "$1" = 0.5 ] || exit 1\nshift\nexec "$@"\n', { mode: 0o755 });
  writeFileSync(path('c.yaml'), JSON.stringify(CONFIG));
  const env = { PATH: `${path('bin')}:/usr/bin:/bin`, HOME: path('home'), TERM: 'dumb', LC_ALL: 'C.UTF-8' };
  const run = ([program = '', ...args]: readonly string[]): string =>
    execFileSync(program, args, { env, cwd: directory, encoding: 'utf8', timeout: limit(50_000) });
  return { script, config: path('c.yaml'), run };
}

const BASH = `
. "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
compopt() { printf 'files\\n'; }
_credrotate
[[ \${#COMPREPLY[@]} == 0 ]] || printf '%s\\n' "\${COMPREPLY[@]}"
`;

describe('in bash', () => {
  const cases: readonly (readonly [line: string, expected: string])[] = [
    ['forg', 'forget'],
    ['compl', ''],
    ['once --wa', '--wait'],
    ['once --json-file /etc/pass', 'files'],
    ['once --json-file /a /etc/pass', 'files'],
    ['once --profile b', ''],
    ['once -c CONFIG --profile b', 'batch'],
    ['once --profile x /etc/pass', ''],
    ['config sch', 'schema'],
    ['export --format env-', 'env-no-export'],
    ['explain SINK_UNS', 'SINK_UNSAFE_PATH'],
    ['forget -c CONFIG ', '/srv/plain.env\n/srv/a:b.env\n/srv/credentials'],
    ['forget -c CONFIG /srv/$(touch', ''],
    ['forget -c $(touch owned) ', ''],
    ['forget -c CONFIG /srv/a : b', 'b.env'],
    ['forget --config = CONFIG /srv/pl', '/srv/plain.env'],
    ['forget -c CONFIG /srv/plain.env /srv/cr', '/srv/credentials'],
    ['export -c CONFIG --from /srv/pl', '/srv/plain.env'],
    ['export -c CONFIG --from = /srv/pl', '/srv/plain.env'],
    ['forget -c /nonexistent ', ''],
    ['forget -c CONFIG --source ins', 'instance'],
    ['refresh -c CONFIG --notify w', ''],
    ['get meta-d', ''],
    ['exec -- unam', 'files'],
  ];
  for (const [line, expected] of cases) {
    test(`credrotate ${line}`, (t) => {
      const ready = stage(t, 'bash');
      if (!ready) return;
      const words = line.replace('CONFIG', ready.config).split(' ');
      const reply = ready.run(['bash', '-c', BASH, 'bash', ready.script, 'credrotate', ...words]).trimEnd();
      assert.equal(reply, expected);
      assert.equal(existsSync(join(dirname(ready.config), 'owned')), false);
    });
  }
});

test('in fish, from the commands and from the configuration', (t) => {
  const ready = stage(t, 'fish');
  if (!ready) return;
  const complete = (line: string): string[] =>
    ready
      .run(['fish', '--no-config', '-c', `source $argv[1]; complete -C $argv[2]`, ready.script, `credrotate ${line}`])
      .split('\n')
      .flatMap((candidate) => (candidate === '' ? [] : [candidate.replace(/\t.*/, '')]));
  assert.deepEqual(complete('forg'), ['forget']);
  assert.deepEqual(complete('once --wa'), ['--wait']);
  assert.deepEqual(complete('config sch'), ['schema']);
  assert.ok(complete('once --json-file /etc/passw').includes('/etc/passwd'));
  assert.deepEqual(complete('export --format env-'), ['env-no-export']);
  assert.deepEqual(complete(`forget --config=${ready.config} /srv/pl`), ['/srv/plain.env']);
  assert.deepEqual(complete(`export --config ${ready.config} --from=/srv/pl`), ['--from=/srv/plain.env']);
});

/** Types lines into a zsh on a terminal of its own, and after a tab has it show what it made of each. */
const ZSH = `
zmodload zsh/zpty
directory=$1:h; shift
zpty shell zsh -f -i
await() {
    local text all
    while zpty -r shell text; do
        all+=$text
        [[ $all != *$~1* ]] || break
    done
    print -r -- $all
}
zpty -w shell "PS1=; fpath=($directory \\$fpath); autoload -Uz compinit; compinit -u -D"
zpty -w shell "show() { print -r -- \\"<\\$BUFFER>\\" ; BUFFER= }; zle -N show; bindkey '^X' show; bindkey '^I' complete-word"
zpty -w shell 'print ready-$((40 + 2))'
await '*ready-42' > /dev/null
for line; do
    zpty -w -n shell $line$'\\t\\x18'
    await '*<credrotate *>'
done
zpty -d shell
`;

test('in zsh, from the commands and from the configuration', (t) => {
  const ready = stage(t, 'zsh');
  if (!ready) return;
  const lines = {
    forg: 'forget ',
    'once --wa': 'once --wait ',
    'config sch': 'config schema ',
    'once --json-file /etc/passw': /^once --json-file \/etc\/passwd-? ?$/,
    'export --format env-': 'export --format env-no-export ',
    [`forget --config=${ready.config} /srv/pl`]: `forget --config=${ready.config} /srv/plain.env `,
    [`export -c ${ready.config} --from=/srv/pl`]: `export -c ${ready.config} --from=/srv/plain.env `,
  };
  const typed = Object.keys(lines).map((line) => `credrotate ${line}`);
  const output = ready.run(['zsh', '-f', '-c', ZSH, 'zsh', ready.script, ...typed]);
  const shown = [...output.matchAll(/<credrotate (.*)>/g)].map(([, line = '']) => line);
  for (const [index, expected] of Object.values(lines).entries()) {
    if (typeof expected === 'string') assert.equal(shown[index], expected);
    else assert.match(shown[index] ?? '', expected);
  }
});
