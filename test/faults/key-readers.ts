import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import type { Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';

/** Consumers that read their file again when they are notified, as programs that depend on it do. */

export interface KeyReader {
  /** The access key id that it read when it was last notified; empty before. */
  readonly known: () => string;
}

const READ_KEY = `sed -n 's/^AWS_ACCESS_KEY_ID=//p' "$1" >> "$2.log"`;
const DAEMON = `trap ${JSON.stringify(READ_KEY).replaceAll('$', '\\$')} HUP
sleep 100000 & echo $$ > "$2.pid.new"; mv "$2.pid.new" "$2.pid"
while :; do wait; done`;

/** Is notified by SIGHUP. */
export async function startKeyReader(t: TestContext, site: Site): Promise<KeyReader & { readonly pidFile: string }> {
  const name = site.path('daemon');
  const child = spawn('/bin/sh', ['-c', DAEMON, 'sh', site.path('out/app.env'), name], {
    detached: true,
    stdio: 'ignore',
  });
  await once(child, 'spawn');
  const ended = once(child, 'exit');
  t.after(async () => {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await ended;
  });
  await eventually('the daemon is up', () => existsSync(`${name}.pid`));
  return { pidFile: `${name}.pid`, known: () => lastLine(`${name}.log`) };
}

export function keyReadingHook(site: Site): KeyReader & { readonly command: readonly string[] } {
  const name = site.path('hook');
  // A path on the command line might be executed, and must be root's; this file is a user's.
  writeFileSync(`${name}.sh`, `set -- '${site.path('out/app.env')}' '${name}'\n${READ_KEY}\n`);
  return {
    command: ['/bin/sh', `${name}.sh`],
    known: () => lastLine(`${name}.log`),
  };
}

function lastLine(path: string): string {
  return existsSync(path) ? (readFileSync(path, 'utf8').trimEnd().split('\n').at(-1) ?? '') : '';
}
