import { test } from 'node:test';
import { loadFormats } from '../../src/sinks/formats/render.ts';
import { tryFiles } from './differential.ts';
import { dotenvPackage, jsonParse, node, propertiesFile, sdk, typescript } from './node-readers.ts';
import { hasTool } from '../support/tools.ts';
import { configparser } from './host-readers.ts';
import { dotenv, ini, json, programIni, properties } from './subjects.ts';

test('300 INI files', async (t) => {
  await tryFiles(t, { ...ini, readers: [sdk] });
});

test('200 dotenv files', async (t) => {
  await tryFiles(t, { ...dotenv, readers: [dotenvPackage, node] });
});

test('100 JSON files', async (t) => {
  await tryFiles(t, { ...json, readers: [jsonParse, typescript] });
});

test('400 properties files', async (t) => {
  await loadFormats([properties.sink]);
  await tryFiles(t, { ...properties, readers: [propertiesFile] });
});

test('400 INI files of one program', { skip: hasTool('python3') ? false : 'needs python3' }, async (t) => {
  await loadFormats([programIni.sink]);
  await tryFiles(t, { ...programIni, readers: [configparser] });
});
