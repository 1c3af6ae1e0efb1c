import { test } from 'node:test';
import { tryFiles } from '../differential/differential.ts';
import { botocore, pythonDotenv, pythonJson, rubyDotenv, rubySdk, sh } from '../differential/host-readers.ts';
import { dotenv, ini, json } from '../differential/subjects.ts';

test('300 INI files', async (t) => {
  await tryFiles(t, { ...ini, readers: [botocore, rubySdk] });
});

test('200 dotenv files', async (t) => {
  await tryFiles(t, { ...dotenv, readers: [sh, pythonDotenv, rubyDotenv] });
});

test('100 JSON files', async (t) => {
  await tryFiles(t, { ...json, readers: [pythonJson] });
});
