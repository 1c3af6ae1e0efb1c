import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onErrno } from '../core/errors.ts';
import type { Config, ConsumerConfig } from '../core/config.ts';
import { executedBy } from '../core/executed.ts';
import { finding, type Finding } from '../core/findings.ts';
import type { Way } from '../paths/way.ts';
import { openFile, type Use } from '../paths/policies.ts';
import { wayTo } from '../paths/way.ts';
import { dropIn, type Ground, openingsOf, outsiders } from './drop-in.ts';

export const UNITS = '/etc/systemd/system';

const NAME = '10-credrotate-harden.conf';

export function dropInPaths(units: string): readonly string[] {
  return ['credrotate.service', 'credrotate-once.service'].map((unit) => join(units, `${unit}.d`, NAME));
}

/** Looks at what the configuration leads to. Throws AgentError. */
export function surveyGround({ sinks, metrics: { textfile }, consumers, sources }: Config): Ground {
  const tokens = sources.flatMap((source) => ('tokenFile' in source ? [source.tokenFile] : []));
  return {
    written: [...sinks.map(({ path }) => path), ...(textfile === undefined ? [] : [textfile])].map(wayTo),
    pidFiles: consumers.flatMap(pidFilesOf).flatMap((path) => waysTo('pid_file', path)),
    programs: [...consumers.flatMap(programsOf), ...tokens].flatMap((path) => waysTo('program', path)),
  };
}

function pidFilesOf(consumer: ConsumerConfig): readonly string[] {
  return consumer.type === 'signal' && 'pidFile' in consumer.target ? [consumer.target.pidFile] : [];
}

function programsOf(consumer: ConsumerConfig): readonly string[] {
  if (consumer.type === 'exec') {
    const executed = executedBy(consumer.command).filter(({ role }) => role === 'program' || role === 'script');
    return executed.map(({ path }) => path);
  }
  return consumer.type === 'signal' && 'process' in consumer.target ? [consumer.target.process.exe] : [];
}

/** To a file, and to what it leads to as far as that is root's. */
function waysTo(use: Use, path: string): readonly Way[] {
  using found = openFile(use, path, { uid: 0 });
  return [path, found.kind === 'file' ? found.held.path : path].map(wayTo);
}

export function unitTrouble(config: Config, units: string): readonly Finding[] {
  const { outside, isOther } = compare(config, dropInPaths(units).map(textOf));
  return [
    ...outside.map((path): Finding =>
      finding('sink-confined', 'error', path, {
        problem: 'it lies outside of what credrotate harden has opened',
        evidence: [],
        remedy: { text: 'do that again, and restart the agent', line: 'sudo credrotate harden' },
      }),
    ),
    ...(bothEnabled(units) ? [BOTH] : []),
    ...(isOther ? [OTHER] : []),
  ];
}

const OTHER: Finding = finding('units-differ', 'warning', 'credrotate.service', {
  problem: 'credrotate harden was made for another configuration',
  evidence: [],
  remedy: { text: 'do it again, and restart the agent', line: 'sudo credrotate harden' },
});

const BOTH: Finding = finding('units-differ', 'warning', 'credrotate.timer', {
  problem: 'both credrotate.service and credrotate.timer are enabled, and the timer stops the service',
  evidence: [],
  remedy: { text: 'disable one of them', line: 'sudo systemctl disable credrotate.timer' },
});

function compare(config: Config, texts: readonly string[]): { outside: readonly string[]; isOther: boolean } {
  if (texts.every((text) => text === '')) return { outside: [], isOther: false };
  try {
    const ground = surveyGround(config);
    const there = texts.filter((text) => text !== '');
    const outside = new Set(there.flatMap((text) => outsiders(ground, openingsOf(text))));
    const isOther = outside.size === 0 && texts.some((text) => text !== dropIn(config, ground));
    return { outside: [...outside], isOther };
  } catch {
    // A path that cannot be looked at is a finding of its sink.
    return { outside: [], isOther: false };
  }
}

function textOf(path: string): string {
  return onErrno(['ENOENT', 'EACCES'], '', () => readFileSync(path, 'utf8'));
}

function bothEnabled(units: string): boolean {
  const links = ['multi-user.target.wants/credrotate.service', 'timers.target.wants/credrotate.timer'];
  return links.every((link) => lstatSync(join(units, link), { throwIfNoEntry: false }));
}
