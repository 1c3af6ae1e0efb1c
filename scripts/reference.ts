// docs/commands.md and docs/configuration.md, from what the manual pages are made of.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { commandLine } from './manual.ts';
import { commandsPage, configurationReference } from './manual/markdown.ts';
import { describeSettings } from './manual/settings.ts';
import { renderSchema } from './schema.ts';

/** By their paths in the repository. */
export async function references(): Promise<Readonly<Record<string, string>>> {
  return {
    'docs/commands.md': await commandsPage(await commandLine()),
    'docs/configuration.md': await configurationReference(describeSettings(JSON.parse(await renderSchema()))),
  };
}

if (import.meta.main)
  for (const [path, text] of Object.entries(await references()))
    writeFileSync(join(dirname(import.meta.dirname), path), text);
