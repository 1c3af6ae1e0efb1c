// Manual pages, made from what `--help` and the schema of the configuration say.
import packageJson from '../package.json' with { type: 'json' };
import { describeProgram } from '../src/cli/program.ts';
import { shapeOf, type CommandShape } from './manual/command-line.ts';
import { configurationPage } from './manual/configuration-page.ts';
import { programPage } from './manual/program-page.ts';
import { describeSettings } from './manual/settings.ts';
import { renderSchema } from './schema.ts';

export interface ManualPage {
  /** `credrotate.8` */
  readonly name: string;
  readonly text: string;
}

export async function manualPages(): Promise<readonly ManualPage[]> {
  const { version } = packageJson;
  const settings = describeSettings(JSON.parse(await renderSchema()));
  return [
    { name: 'credrotate.8', text: programPage(await commandLine(), version) },
    { name: 'credrotate.yaml.5', text: configurationPage(settings, version) },
  ];
}

export async function commandLine(): Promise<CommandShape> {
  return shapeOf(await describeProgram(packageJson.version));
}
