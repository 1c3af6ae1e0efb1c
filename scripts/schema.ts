import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { toJsonSchema } from '@valibot/to-json-schema';
import { format, resolveConfig } from 'prettier';
import { file } from '../src/config/schema.ts';

const TARGET = resolve(import.meta.dirname, '../packaging/schema/credrotate.schema.json');

/** The schema of the configuration for editors. What it cannot say, such as that names must lead somewhere, `check` does. */
export async function renderSchema(): Promise<string> {
  const { $schema, ...schema } = toJsonSchema(file, {
    // They turn what was written into what is meant, which is no concern of an editor.
    ignoreActions: ['raw_transform'],
    overrideSchema: ({ valibotSchema, jsonSchema }) =>
      valibotSchema.type === 'object_with_rest' ? { ...jsonSchema, additionalProperties: false } : undefined,
  });
  const title = 'credrotate.yaml';
  const text = JSON.stringify({ $schema, title, description: 'Configuration of credrotate', ...schema });
  return format(text, { ...(await resolveConfig(TARGET)), parser: 'json' });
}

if (import.meta.main) writeFileSync(TARGET, await renderSchema());
