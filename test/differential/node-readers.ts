import { externalDataInterceptor, loadSharedConfigFiles } from '@smithy/shared-ini-file-loader';
import npmDotenv from 'dotenv';
import ts from 'typescript';
import { getProperties } from 'properties-file';
import { parseEnv } from 'node:util';
import type { Reader, Seen } from './differential.ts';

/** The loader of the AWS SDK for JavaScript. */
export const sdk: Reader = {
  name: 'AWS SDK for JavaScript',
  // Only now does it see the section, whose settings it took for those of the one above, or of another name.
  excused: /^(moved the comment after the header|removed the blanks around the name)/,
  read: async (files) => {
    const seen: Seen[] = [];
    for (const text of files) {
      externalDataInterceptor.interceptFile('/credentials', text);
      externalDataInterceptor.interceptFile('/config', '');
      const { credentialsFile } = await loadSharedConfigFiles({ filepath: '/credentials', configFilepath: '/config' });
      const places = Object.entries(credentialsFile).flatMap(([section, keys]) =>
        Object.entries(keys).map(([key, value]) => [`${section}.${key}`, value ?? '']),
      );
      seen.push(Object.fromEntries(places) as Seen);
    }
    return seen;
  },
};

export const dotenvPackage: Reader = {
  name: 'npm dotenv',
  read: (files) => files.map((text) => npmDotenv.parse(text)),
};

export const propertiesFile: Reader = {
  name: 'npm properties-file',
  read: (files) => files.map((text) => getProperties(text)),
};

export const node: Reader = {
  name: 'Node',
  read: (files) => files.map((text) => parseEnv(text) as Seen),
};

/** Comments are what it sees too, by their order. */
export const typescript: Reader = {
  name: 'TypeScript (JSON with comments)',
  read: (files) =>
    files.map((text) => {
      const { config, error } = ts.parseConfigFileTextToJson('/x.json', text) as { config?: unknown; error?: unknown };
      return error === undefined ? { ...flat(config, ''), ...commentsOf(text) } : undefined;
    }),
};

export const jsonParse: Reader = {
  name: 'JSON.parse',
  read: (files) =>
    files.map((text) => {
      try {
        return flat(JSON.parse(text), '');
      } catch {
        return undefined;
      }
    }),
};

function flat(value: unknown, path: string): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { [path]: JSON.stringify(value) };
  const inner = Object.entries(value).map(([key, one]) => flat(one, path === '' ? key : `${path}.${key}`));
  return Object.assign({}, ...inner) as Record<string, string>;
}

function commentsOf(text: string): Record<string, string> {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, false, ts.LanguageVariant.Standard, text);
  const found: string[] = [];
  for (let kind = scanner.scan(); kind !== ts.SyntaxKind.EndOfFileToken; kind = scanner.scan()) {
    const isComment = kind === ts.SyntaxKind.SingleLineCommentTrivia || kind === ts.SyntaxKind.MultiLineCommentTrivia;
    if (isComment) found.push(scanner.getTokenText());
  }
  return { comments: found.join('\n') };
}
