import { test } from 'node:test';
import { tryFiles } from './differential.ts';
import { dotenvPackage, jsonParse, node, sdk, typescript } from './node-readers.ts';
import { dotenv, ini, json } from './subjects.ts';

test('300 INI files', async (t) => {
  await tryFiles(t, { ...ini, readers: [sdk] });
});

test('200 dotenv files', async (t) => {
  await tryFiles(t, { ...dotenv, readers: [dotenvPackage, node] });
});

test('100 JSON files', async (t) => {
  await tryFiles(t, { ...json, readers: [jsonParse, typescript] });
});
