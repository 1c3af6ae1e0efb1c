/**
 * In place of the product, a process that acts as no user but says what a user might make it say:
 * `fake-actor-child.ts <what> --act-as …`.
 */
import { closeSync, readSync, writeSync } from 'node:fs';

const what = process.argv[2] ?? '';
const say = (text: string): void => {
  for (let bytes = Buffer.from(text); bytes.length > 0;) bytes = bytes.subarray(writeSync(1, bytes));
};
const listen = (): number => readSync(0, Buffer.alloc(64 * 1024));
const staged = '{"staged":[{"sink":0,"name":".a.1.crtmp","inode":"1","changing":[0]}]}\n';
const done = '{"done":{"sinks":[{"result":"written","bytesChanged":true,"drift":[],"warnings":[]}],"kept":[]}}\n';

const acts: Readonly<Record<string, () => void>> = {
  'nothing at all': () => {
    for (;;) listen();
  },
  'its end': () => undefined,
  'an end with a code': () => {
    process.exitCode = 3;
  },
  'an end by its own hand': () => {
    process.kill(process.pid, 'SIGABRT');
  },
  nonsense: () => {
    say('nonsense\n');
  },
  'a line without end': () => {
    for (;;) say('x'.repeat(64 * 1024));
  },
  'lines without end': () => {
    for (;;) say('\n'.repeat(64 * 1024));
  },
  'temp files without end': () => {
    for (;;) say(staged);
  },
  'that it is done before it was asked': () => {
    say(done);
    closeSync(0);
  },
  'when it renamed, by its own word': () => {
    const renamed = { renamedAt: 1, renamedAtBoot: { bootId: 'this', sinceBoot: 1 } };
    const stat = { inode: '1', size: '1', ctimeNs: '1', mode: 0o600, uid: 1000, gid: 1000 };
    const record = { key: '0'.repeat(32), expiration: 1, ...stat, ...renamed };
    const sink = { result: 'written', bytesChanged: true, drift: [], warnings: [], record };
    say(`${JSON.stringify({ done: { sinks: [sink], kept: [] } })}\n`);
  },
  'temp files, and then nothing': () => {
    say(staged);
    for (;;) listen();
  },
  'that it could not become the user': () => {
    say('{"refused":"EPERM, Operation not permitted\\u001b[2J"}\n');
  },
};

acts[what]?.();
