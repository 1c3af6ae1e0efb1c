import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { compile } from '../faults/compile.ts';
import { eventually } from '../support/eventually.ts';
import { tempDir } from '../support/temp-dir.ts';
import { hasTool } from '../support/tools.ts';
import { hasOwnMounts, tmpfs } from './mounts.ts';

/** A file system that a program serves: `changing` and `silent` as attack-fuse.c has them. */
export interface Serving {
  /** Whose program it is. */
  readonly by: number;
  /** The directory or file to mount it over. */
  readonly at: string;
  /** What is shown there. */
  readonly backing: string;
  readonly role: readonly ['honest'] | readonly ['changing', target: string] | readonly ['silent', after: number];
}

export interface Server {
  /** What processes with root's rights asked, beside this one: `asked by 17: lookup credentials`, or `asked`. */
  readonly asked: () => readonly string[];
  /** Unmounts: whoever still waits for an answer goes on with an error. */
  readonly stop: () => Promise<void>;
}

export interface Servers {
  readonly serve: (serving: Serving) => Promise<Server>;
  /** An automount point of root's, which mounts a file system in memory when it is gone into, or never answers. */
  readonly automount: (at: string, role: 'answer' | 'silent') => Promise<Server>;
}

/**
 * Undefined, with the test skipped, where users cannot serve file systems to root. To be opened before all that may hang
 * on them: they end first.
 */
export async function openServers(t: TestContext): Promise<Servers | undefined> {
  if (!hasOwnMounts(t)) return undefined;
  const [fuse, autofs] = await Promise.all(
    ['attack-fuse.c', 'attack-autofs.c'].map((name) => compile(join(import.meta.dirname, name))),
  );
  if (fuse === undefined || autofs === undefined || !hasTool('fusermount3') || !existsSync('/dev/fuse')) {
    t.skip('needs cc, /dev/fuse and fusermount3 of the package fuse3');
    return undefined;
  }
  const servers: Server[] = [];
  t.after(() => Promise.all(servers.map((server) => server.stop())));
  const own = tempDir(t);
  chmodSync(own, 0o755);
  const program = join(own, 'server');
  copyFileSync(fuse, program);
  letUsersServe(t);
  const launch = async (at: string, by: number, program: Program): Promise<Server> => {
    const server = start(at, by, program);
    servers.push(server);
    await server.mounted;
    return server;
  };
  return {
    serve: ({ by, at, backing, role }) =>
      launch(at, by, { command: [program, at, backing, ...role.map(String)], end: 'SIGKILL' }),
    automount: (at, role) => launch(at, 0, { command: [autofs, at, role], end: 'SIGTERM' }),
  };
}

/** As on a machine whose administrator allows it: everybody may mount, and root meets what they serve. */
function letUsersServe(t: TestContext): void {
  const own = tmpfs(t, 'mode=0755,size=64k');
  writeFileSync(join(own, 'fuse.conf'), 'user_allow_other\n');
  run('mknod', '-m', '666', join(own, 'fuse'), 'c', '10', '229');
  for (const [name, path] of [
    ['fuse', '/dev/fuse'],
    ['fuse.conf', '/etc/fuse.conf'],
  ] as const) {
    run('mount', '--bind', join(own, name), path);
    t.after(() => {
      run('umount', '--lazy', path);
    });
  }
}

interface Program {
  readonly command: readonly string[];
  readonly end: NodeJS.Signals;
}

function start(at: string, by: number, { command, end }: Program): Server & { mounted: Promise<void> } {
  const [program = '', ...args] = command;
  const ids = { uid: by, gid: by, cwd: '/', env: {} };
  const child = spawn(program, args, { ...ids, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = once(child, 'close');
  const stop = async (): Promise<void> => {
    child.kill(end);
    if (end === 'SIGKILL') while (spawnSync('umount', ['--lazy', at]).status === 0);
    await ended;
  };
  return {
    mounted: eventually(`a file system at ${at}`, () => {
      assert.equal(child.exitCode, null, said);
      return said.startsWith('mounted\n');
    }),
    asked: () => {
      const lines = said.split('\n').filter((line) => line.startsWith('asked'));
      return lines.filter((line) => !line.startsWith(`asked by ${process.pid}:`));
    },
    stop,
  };
}

function run(program: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${stderr}`);
}
