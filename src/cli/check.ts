import type { Command } from 'commander';
import type { Config } from '../core/config.ts';
import type { Credentials } from '../core/credentials.ts';
import { exitCodeOfParts, type ExitCode } from '../core/exit.ts';
import { Secret } from '../core/secret.ts';
import { sinkLines } from '../report/print-report.ts';
import { count } from '../report/text.ts';
import type { SinkPreview } from '../sinks/contract.ts';
import { previewSinks } from '../sinks/preview.ts';
import { readConfig, withSinks, type SinkFlags } from './options.ts';
import { sinkDeps } from './session.ts';
import type { Run, World } from './world.ts';

export function addCheck(program: Command, run: Run): void {
  withSinks(program.command('check'))
    .summary('check the configuration and the places of the sinks')
    .description('Read the configuration and look at each sink, without network and without writing anything.')
    .action((options: SinkFlags) => run((world) => check(world, options)));
}

/** Stand in for the credentials, to see what a format says of the file that is there. */
const SAMPLE: Credentials = {
  accessKeyId: 'ASIASAMPLE0000000000',
  secretAccessKey: new Secret('sample'),
  sessionToken: new Secret('sample'),
  expiration: 0,
};

async function check(world: World, options: SinkFlags): Promise<ExitCode> {
  const config = await readConfig(world, options);
  const wish = { credentials: SAMPLE, origin: {}, rotated: true, trustedGroups: config.trustedGroups };
  const sinks = await previewSinks(sinkDeps(await world.services()), { ...wish, sinks: config.sinks });
  world.print([head(config), ...sinks.flatMap(describe), ''].join('\n'));
  return exitCodeOfParts(
    'ok',
    sinks.flatMap((sink) => sink.error?.code ?? []),
  );
}

function head({ files, sinks, consumers }: Config): string {
  const where = files.length === 0 ? 'flags' : files.join(', ');
  return `${where}: ok, ${count(sinks.length, 'sink')}, ${count(consumers.length, 'consumer')}`;
}

function describe(sink: SinkPreview): string[] {
  if (sink.error) return sinkLines(sink);
  const there = sink.drift.includes('missing') ? 'will be created' : 'is there';
  return [`ok        ${sink.path} (${there})`, ...sink.warnings.map((warning) => `          warning: ${warning}`)];
}
