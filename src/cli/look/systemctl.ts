import { existsSync } from 'node:fs';
import { hostOf } from '../../notify/tool.ts';
import type { LookDeps } from './contract.ts';

/** Properties by name; of one that comes several times, all values. */
export type Shown = ReadonlyMap<string, readonly string[]>;

/** Milliseconds. */
const TIMEOUT = 20_000;
/** An environment can be long. It may hold secrets, so nothing of what systemctl prints is shown as it is. */
const KEEP = 262_144;

/** Undefined where there is no systemd, or where it gives no answer, which is noted. */
export async function show(deps: LookDeps, unit: string, properties: readonly string[]): Promise<Shown | undefined> {
  const { path: PATH, systemd } = hostOf(deps.notify);
  if (!existsSync(systemd)) return undefined;
  const command = [
    'systemctl',
    '--no-ask-password',
    '--no-pager',
    'show',
    `--property=${properties.join()}`,
    '--',
    unit,
  ];
  const result = await deps.notify.commands
    .run(command, { timeout: TIMEOUT, signal: deps.signal, env: { PATH, LC_ALL: 'C' }, keep: KEEP })
    .catch(() => undefined);
  if (result?.exitCode !== 0) {
    deps.signal.throwIfAborted();
    deps.miss({ subject: unit, reason: 'systemctl gave no answer' });
    return undefined;
  }
  return parse(result.output);
}

function parse(output: string): Shown {
  const shown = new Map<string, string[]>();
  for (const line of output.split('\n')) {
    const at = line.indexOf('=');
    if (at < 0) continue;
    const name = line.slice(0, at);
    shown.set(name, [...(shown.get(name) ?? []), line.slice(at + 1)]);
  }
  return shown;
}

export function textOf(shown: Shown, name: string): string {
  return shown.get(name)?.join(' ') ?? '';
}
