import { Option, type Command } from 'commander';
import { EXIT, type ExitCode } from '../core/exit.ts';
import { EXPORT_FORMATS, exportText, type ExportFormat } from '../sinks/formats/export.ts';
import { obtain, withSource, type SourceOptions } from './obtain.ts';
import type { Run, World } from '../agent/world.ts';

interface ExportOptions extends SourceOptions {
  readonly format: ExportFormat;
}

export function addExport(program: Command, run: Run): void {
  withSource(program.command('export'))
    .addOption(new Option('--format <format>', 'how to print them').choices(EXPORT_FORMATS).default('process'))
    .summary('print the credentials for another program')
    .description(
      'Print the credentials: as a credential_process of the AWS SDKs does (process), as lines for a shell to evaluate ' +
        '(env, env-no-export, fish), or in the shape that all readers of JSON know (json). The output is secret.',
    )
    .action((options: ExportOptions) => run((world) => exportCredentials(world, options)));
}

async function exportCredentials(world: World, options: ExportOptions): Promise<ExitCode> {
  const { credentials, origin } = await obtain(world, options);
  world.print(exportText(options.format, credentials, origin));
  return EXIT.done;
}
