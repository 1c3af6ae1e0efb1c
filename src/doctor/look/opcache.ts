import { globSync } from 'node:fs';
import type { SinkConfig } from '../../core/config.ts';

/** Where PHP's servers have their settings, in Debian and in Red Hat's systems. */
const FILES = [
  '/etc/php/*/{apache2,cgi,fpm}/php.ini',
  '/etc/php/*/{apache2,cgi,fpm}/{conf.d,pool.d}/*.{conf,ini}',
  '/etc/php.ini',
  '/etc/php.d/*.ini',
  '/etc/php-fpm.d/*.conf',
];

/** Whether PHP compiles the file, and so may keep what it has compiled; and nobody tells it of another one. */
export function isKeptCompiled({ path, notify }: SinkConfig): boolean {
  return path.endsWith('.php') && notify.length === 0;
}

export function settingFiles(): readonly string[] {
  return globSync(FILES).toSorted();
}

const NEVER = /^\s*(?:php_(?:admin_)?(?:flag|value)\[)?opcache\.validate_timestamps\]?\s*=\s*"?(?:0|off|no|false)\b/i;

/** The place where these files, by their paths, have PHP look at no file a second time. */
export function whereNeverChecked(texts: ReadonlyMap<string, string>): string | undefined {
  for (const [path, text] of texts) {
    const line = text.split(/\r?\n/).findIndex((one) => NEVER.test(one));
    if (line >= 0) return `${path}:${line + 1}: opcache.validate_timestamps is off`;
  }
  return undefined;
}
