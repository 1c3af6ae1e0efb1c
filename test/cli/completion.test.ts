import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { completions } from '../../scripts/manual.ts';
import { limit } from '../support/limits.ts';
import { executable } from '../support/product.ts';
import { tempDir } from '../support/temp-dir.ts';
import { hasTool } from '../support/tools.ts';

const scripts = Object.fromEntries((await completions()).map(({ shell, text }) => [shell, text]));

const SINK = '/srv/my app/it\'s "here".json';
const CONFIG = {
  sinks: [
    { path: SINK, format: 'json' },
    { path: '/srv/plain.env', format: 'dotenv', notify: ['web'] },
  ],
  consumers: { web: { type: 'exec', command: ['/bin/true'] } },
};

const UNITS = 'myapp.service enabled enabled\nmyapp@.service static -\nother.timer enabled enabled\n';

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
  writeFileSync(script, scripts[shell] ?? '');
  copyFileSync(executable, path('bin/credrotate'));
  writeFileSync(path('bin/systemctl'), `#!/bin/sh\ncat <<'END'\n${UNITS}END\n`, { mode: 0o755 });
  writeFileSync(path('c.yaml'), JSON.stringify(CONFIG));
  const env = { PATH: `${path('bin')}:/usr/bin:/bin`, HOME: path('home'), TERM: 'dumb', LC_ALL: 'C.UTF-8' };
  const run = ([program = '', ...args]: readonly string[]): string =>
    execFileSync(program, args, { env, cwd: directory, encoding: 'utf8', timeout: limit(50_000) });
  return { script, config: path('c.yaml'), run };
}

const BASH = `
. "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_credrotate
[[ \${#COMPREPLY[@]} == 0 ]] || printf '%s\\n' "\${COMPREPLY[@]}"
`;

describe('in bash', () => {
  const cases: readonly [line: string, expected: RegExp | string][] = [
    ['forg', 'forget'],
    ['completion', ''],
    ['once --wa', '--wait'],
    ['once --json-file /etc/pass', /^\/etc\/passwd$/m],
    ['once --json-file /a /etc/pass', /^\/etc\/passwd$/m],
    ['once --profile x /etc/pass', ''],
    ['config ', 'schema'],
    ['config sch', 'schema'],
    ['export --format env-', 'env-no-export'],
    ['explain SINK_UNS', 'SINK_UNSAFE_PATH'],
    ['forget -c CONFIG ', String.raw`/srv/my\ app/it\'s\ \"here\".json` + '\n/srv/plain.env'],
    ['forget --config = CONFIG /srv/pl', '/srv/plain.env'],
    ['forget -c CONFIG /srv/plain.env /srv/my', /^\/srv\/my/],
    ['export -c CONFIG --from /srv/pl', '/srv/plain.env'],
    ['forget -c /nonexistent ', ''],
    ['refresh -c CONFIG --notify w', 'web'],
    ['init --reload my', 'myapp.service'],
    ['init --owner roo', 'root'],
    ['exec -- unam', 'uname'],
    ['forget --profile ', ''],
  ];
  for (const [line, expected] of cases) {
    test(`credrotate ${line}`, (t) => {
      const ready = stage(t, 'bash');
      if (!ready) return;
      const words = line.replace('CONFIG', ready.config).split(' ');
      const reply = ready.run(['bash', '-c', BASH, 'bash', ready.script, 'credrotate', ...words]).trimEnd();
      if (typeof expected === 'string') assert.equal(reply, expected);
      else assert.match(reply, expected);
    });
  }
});

test('in fish, from the table of commands and from the configuration', (t) => {
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
  assert.deepEqual(complete('forget config'), []);
  assert.ok(complete('once --json-file /etc/passw').includes('/etc/passwd'));
  assert.deepEqual(complete('export --format env-'), ['env-no-export']);
  assert.deepEqual(complete(`forget --config=${ready.config} /srv/pl`), ['/srv/plain.env']);
  assert.deepEqual(complete(`forget -c ${ready.config} /srv/`).length, 2);
  assert.deepEqual(complete(`refresh -c ${ready.config} --notify w`), ['web']);
  assert.deepEqual(complete('init --reload my'), ['myapp.service']);
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

test('in zsh, from the table of commands and from the configuration', (t) => {
  const ready = stage(t, 'zsh');
  if (!ready) return;
  const lines = {
    forg: 'forget ',
    'once --wa': 'once --wait=',
    'config sch': 'config schema ',
    'once --json-file /etc/passw': /^once --json-file \/etc\/passwd-? ?$/,
    'export --format env-': 'export --format env-no-export ',
    [`forget --config=${ready.config} /srv/pl`]: `forget --config=${ready.config} /srv/plain.env `,
    [`forget -c ${ready.config} /srv/my`]: `forget -c ${ready.config} /srv/my\\ app/it\\'s\\ \\"here\\".json `,
    'init --reload my': 'init --reload myapp.service ',
  };
  const typed = Object.keys(lines).map((line) => `credrotate ${line}`);
  const output = ready.run(['zsh', '-f', '-c', ZSH, 'zsh', ready.script, ...typed]);
  const shown = [...output.matchAll(/<credrotate (.*)>/g)].map(([, line = '']) => line);
  for (const [index, expected] of Object.values(lines).entries()) {
    if (typeof expected === 'string') assert.equal(shown[index], expected);
    else assert.match(shown[index] ?? '', expected);
  }
});
