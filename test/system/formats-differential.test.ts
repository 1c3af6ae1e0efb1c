import { test, type TestContext } from 'node:test';
import { tryFiles } from '../differential/differential.ts';
import {
  botocore,
  javaReader,
  javaStream,
  phpNormal,
  phpRaw,
  pythonDotenv,
  pythonJson,
  rclone,
  rubyDotenv,
  rubySdk,
  sh,
  systemd,
} from '../differential/host-readers.ts';
import { dotenv, ini, json, phpIni, programIni, properties } from '../differential/subjects.ts';
import { loadFormats } from '../../src/sinks/formats/render.ts';
import { hasTool } from '../support/tools.ts';

/** Says why, when a reader is not installed. */
function skipsWithoutReaders(t: TestContext): boolean {
  const missing = ['dash', 'java', 'php', 'python3', 'rclone', 'ruby'].filter((name) => !hasTool(name));
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

test('400 INI files of PHP', async (t) => {
  if (skipsWithoutReaders(t)) return;
  await loadFormats([phpIni.sink]);
  await tryFiles(t, { ...phpIni, readers: [phpNormal, phpRaw] });
});

// It starts again for each file.
test('60 INI files of rclone', async (t) => {
  if (skipsWithoutReaders(t)) return;
  await loadFormats([programIni.sink]);
  await tryFiles(t, { ...programIni, count: 60, readers: [rclone] });
});

test('400 properties files', async (t) => {
  if (skipsWithoutReaders(t)) return;
  await loadFormats([properties.sink]);
  await tryFiles(t, { ...properties, readers: [javaStream, javaReader] });
});
