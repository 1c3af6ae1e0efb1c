import assert from 'node:assert/strict';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { shellWord } from '../../src/core/printable.ts';
import { openSite, type Site } from '../support/agent.ts';
import { needsRoot } from '../support/consumer.ts';
import { eventually } from '../support/eventually.ts';
import { executable } from '../support/product.ts';
import { assertNoSecret } from '../support/secrets.ts';
import { runInVolumes } from '../support/volumes.ts';

const APP = 1000;

/** In a namespace: `app` and `root` run a command of the executable, and say how it ended. */
const PROLOGUE = `
base=$1; cd /
root() { code=0; "$base/credrotate" "$@" 2>&1 || code=$?; echo "exit $code"; }
app() {
  code=0
  setpriv --reuid=${String(APP)} --regid=${String(APP)} --clear-groups "$base/credrotate" "$@" 2>&1 || code=$?
  echo "exit $code"
}
mkdir "$base/creds"; mount -t tmpfs -o mode=0777 credrotate-test "$base/creds"
config="$base/c.yaml"
`;

interface Pod {
  readonly site: Site;
  /** Runs a script of sh, and gives what it prints, with the directory cut off. */
  readonly run: (script: string, env?: Readonly<Record<string, string>>) => Promise<string>;
}

async function openPod(t: TestContext, config: (site: Site) => object): Promise<Pod> {
  const site = await openSite(t);
  chmodSync(site.directory, 0o755);
  site.configure(config(site));
  chmodSync(site.path('c.yaml'), 0o644);
  return {
    site,
    run: async (script, change = {}) => {
      const own = { STATE_DIRECTORY: site.path('creds/state'), RUNTIME_DIRECTORY: site.path('creds/run') };
      const env = Object.entries({ ...site.env, ...own, ...change }).map(([name, value]) => `${name}=${value}`);
      const command = ['env', '-i', ...env, executable].map(shellWord).join(' ');
      writeFileSync(site.path('credrotate'), `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
      const printed = await runInVolumes(PROLOGUE + script, site.directory);
      assertNoSecret('output', printed);
      return printed.replaceAll(site.directory, '');
    },
  };
}

const inVolume = (change: object) => (site: Site) => ({
  private_volumes: [site.path('creds')],
  sinks: [{ path: site.path('creds/aws/credentials'), format: 'aws-credentials', notify: [], ...change }],
});

/** As in an init container: the application may be there already. */
const notifying = (program: string) => (site: Site) => ({
  ...inVolume({ notify: ['hook'] })(site),
  consumers: { hook: { type: 'exec', command: [program] } },
});

describe('in a pod', { skip: needsRoot }, () => {
  test('an agent that is not root keeps sinks, state and status in a volume that all can write', async (t) => {
    const { run } = await openPod(t, inVolume({ mode: '0640' }));
    const printed = await run(`
      app once --config "$config"
      app once --config "$config"
      app status --probe ready
      (cd "$base/creds"; stat -c '%n %a %u' aws aws/credentials state state/state.json run run/status.json)`);
    assert.match(
      printed,
      /written +\/creds\/aws\/credentials\n[^]*exit 0\n[^]*unchanged \/creds\/aws\/credentials\n[^]*exit 0\nready\nexit 0\n/,
    );
    assert.match(
      printed,
      /\naws 750 1000\naws\/credentials 640 1000\nstate 700 1000\nstate\/state.json 600 1000\nrun 750 1000\nrun\/status.json 644 1000\n$/,
    );
  });

  test('root writes there by the hand of the owner of the sink', async (t) => {
    const { run, site } = await openPod(t, inVolume({ owner: APP, group: APP }));
    const printed = await run(
      `
      root once --config "$config"
      stat -c '%a %u' "$base/creds/aws" "$base/creds/aws/credentials"`,
      { STATE_DIRECTORY: site.path('state'), RUNTIME_DIRECTORY: site.path('run') },
    );
    assert.match(printed, /^written +\/creds\/aws\/credentials$[^]*^exit 0\n700 1000\n600 1000\n$/m);
  });

  test('root itself does not write there, and says who could', async (t) => {
    const { run } = await openPod(t, inVolume({}));
    const printed = await run('root once --config "$config"; ls "$base/creds"');
    assert.match(printed, /\/creds: expected a user other than root to write in a private volume, got root/);
    assert.match(printed, /runAsUser.*owner of the sink[^]*exit 77\n$/);
  });

  const sticky = { directory: 'true', mount: 'mount -t tmpfs -o mode=1777 x "$base/sticky"' };
  for (const [what, make] of Object.entries(sticky))
    test(`a state in a sticky ${what} of the machine is used as ever`, async (t) => {
      const { run, site } = await openPod(t, inVolume({ owner: APP }));
      const printed = await run(
        `mkdir -m 1777 "$base/sticky"; ${make}; mkdir -m 0755 "$base/sticky/state"
      root once --config "$config"
      rm -r "$base/sticky/state"; setpriv --reuid=${String(APP)} --clear-groups mkdir -m 0755 "$base/sticky/state"
      app once --config "$config"; ls "$base/sticky/state"`,
        { STATE_DIRECTORY: site.path('sticky/state') },
      );
      assert.match(printed, /^exit 0$[^]*^exit 0\n(?:lock\n)?state.json\n$/m);
      assert.doesNotMatch(printed, /STATE_/);
    });

  describe('a one-shot without a place for its state', () => {
    const places = {
      'on a read-only file system': ['mount -t tmpfs -o ro,mode=0755 x "$base/state"', 'EROFS on mkdir'],
      'where its rights shut it out': ['true', 'EACCES on open'],
      'where it may make none': ['chmod 0755 "$base/state"', 'EACCES on mkdir'],
    } as const;
    for (const [name, [prepare, errno]] of Object.entries(places)) {
      test(`${name}, has done its work, and says what it cannot remember`, async (t) => {
        const { run, site } = await openPod(t, notifying('/bin/true'));
        const twice = 'app once --config "$config"; app once --config "$config"';
        const printed = await run(`${prepare}; ${twice}`, { STATE_DIRECTORY: site.path('state/credrotate') });
        assert.match(printed, /^written +\/creds\/aws\/credentials$[^]*^exit 0$[^]*^unchanged [^]*^exit 0$/m);
        assert.equal(printed.split('\nnotified  hook').length, 3, printed);
        const said = `state: not saved on disk (STATE_ABSENT: /state/credrotate/state.json: cannot be written: `;
        assert.ok(printed.includes(said) && printed.includes(errno), printed);
        assert.match(printed, /hint: .*the next run does not know which keys .*STATE_DIRECTORY names a place/);
      });
    }

    const trouble = {
      'a consumer is still to be notified': ['/bin/false', 'chmod 0755 "$base/state"', /STATE_ABSENT[^]*exit 73\n$/],
      'the disk is full': [
        '/bin/true',
        'mount -t tmpfs -o nr_inodes=1 x "$base/state"',
        /STATE_UNWRITABLE[^]*exit 73\n$/,
      ],
      'others could change it': ['/bin/true', 'chmod 0777 "$base/state"', /STATE_UNSAFE[^]*exit 77\n$/],
    } as const;
    for (const [name, [hook, prepare, ends]] of Object.entries(trouble)) {
      test(`fails where ${name}`, async (t) => {
        const { run, site } = await openPod(t, notifying(hook));
        const env = { STATE_DIRECTORY: site.path('state/credrotate') };
        assert.match(await run(`${prepare}; app once --config "$config"`, env), ends);
      });
    }
  });

  test('liveness is that the agent answers, readiness that every sink is up to date', async (t) => {
    const site = await openSite(t);
    const config = site.configure({
      refresh: { max_interval: '5m' },
      sinks: [{ path: site.path('out/c'), format: 'json' }],
    });
    const probe = async (what: string): Promise<string> => {
      const { code, stdout } = await site.run(['status', '--probe', what]);
      return `${String(code)} ${stdout}`;
    };
    assert.match(await probe('live'), /^1 not live: no agent answers at .*control.sock: ENOENT/);
    assert.match(await probe('ready'), /^1 not ready: .*no status there/);

    site.metadata.setFaults([{ at: 'any', kind: 'reset' }]);
    const agent = site.start(['run', ...config]);
    await eventually('an agent that lives without a source', async () => (await probe('live')) === '0 live\n');
    await eventually('a first pass', async () =>
      (await probe('ready')).startsWith('1 not ready: credentials: there are none yet'),
    );
    site.metadata.setFaults([]);
    await site.run(['refresh']);
    assert.equal(await probe('ready'), '0 ready\n');

    rmSync(site.path('out'), { recursive: true });
    writeFileSync(site.path('out'), 'in the way');
    await site.run(['refresh']);
    assert.match(await probe('ready'), /^1 not ready: \S+\/out\/c: not up to date .*ENOTDIR/);
    assert.equal(await probe('live'), '0 live\n');

    agent.process.kill('SIGSTOP');
    assert.equal(await probe('live'), '1 not live: the agent has not answered within 4 s\n');
    agent.process.kill('SIGKILL');
    await agent.ended;
    assert.match(await probe('live'), /^1 not live: no agent answers .*ECONNREFUSED/);
  });
});
