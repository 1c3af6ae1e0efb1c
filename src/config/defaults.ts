import * as v from 'valibot';
import type { Config } from '../core/config.ts';
import { buildConfig } from './build.ts';
import { file } from './schema.ts';

/** What an empty configuration means. */
export function defaultConfig(): Config {
  return buildConfig(v.parse(file, {}), { files: [] });
}
