import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { toJsonSchema } from '@valibot/to-json-schema';
import { format, resolveConfig } from 'prettier';
import type { GenericSchema } from 'valibot';
import { file } from '../src/config/schema.ts';
import { reportSchema } from '../src/report/schema.ts';

const FOLDER = resolve(import.meta.dirname, '../packaging/schema');
const CONFIG = resolve(FOLDER, 'credrotate.schema.json');
const REPORT = resolve(FOLDER, 'report.schema.json');

/** The schema of the configuration for editors. What it cannot say, such as that names must lead somewhere, `check` does. */
export async function renderSchema(): Promise<string> {
  return await render(file, { title: 'credrotate.yaml', description: 'Configuration of credrotate' });
}

/** The schema of what every command prints with `--json`, and of status.json. */
export async function renderReportSchema(): Promise<string> {
  return await render(reportSchema, {
    title: 'credrotate report',
    description: 'What the commands of credrotate print with --json',
  });
}

async function render(source: GenericSchema, head: { readonly title: string; description: string }): Promise<string> {
  const { $schema, ...schema } = toJsonSchema(source, {
    // They turn what was written into what is meant, which is no concern of an editor.
    ignoreActions: ['raw_transform', 'readonly'],
    overrideSchema: ({ valibotSchema, jsonSchema }) => {
      if (valibotSchema.type === 'custom') return { type: 'string' };
      return valibotSchema.type === 'object_with_rest' ? { ...jsonSchema, additionalProperties: false } : undefined;
    },
  });
  const text = JSON.stringify({ $schema, ...head, ...schema });
  return format(text, { ...(await resolveConfig(CONFIG)), parser: 'json' });
}

if (import.meta.main) {
  writeFileSync(CONFIG, await renderSchema());
  writeFileSync(REPORT, await renderReportSchema());
}
