import { test, type TestContext } from 'node:test';
import { tryFiles } from '../differential/differential.ts';
import { botocore, pythonDotenv, pythonJson, rubyDotenv, rubySdk, sh, systemd } from '../differential/host-readers.ts';
import { dotenv, ini, json } from '../differential/subjects.ts';
import { hasTool } from '../support/tools.ts';

/** Says why, when a reader is not installed. */
function skipsWithoutReaders(t: TestContext): boolean {
  const missing = ['dash', 'python3', 'ruby'].filter((name) => !hasTool(name));
  if (missing.length === 0) return false;
  t.skip(`needs ${missing.join(', ')}: what is written is not read back by them`);
  return true;
}

test('300 INI files', async (t) => {
  if (skipsWithoutReaders(t)) return;
  await tryFiles(t, { ...ini, readers: [botocore, rubySdk] });
});

test('200 dotenv files', async (t) => {
  if (skipsWithoutReaders(t)) return;
  await tryFiles(t, { ...dotenv, readers: [sh, systemd, pythonDotenv, rubyDotenv] });
});

test('100 JSON files', async (t) => {
  if (skipsWithoutReaders(t)) return;
  await tryFiles(t, { ...json, readers: [pythonJson] });
});
