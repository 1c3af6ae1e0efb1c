import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { LogConfig, LogFormat } from '../../src/core/config.ts';
import type { Log } from '../../src/core/contracts.ts';
import { createLog } from '../../src/system/log.ts';

const TIME = Date.UTC(2026, 10, 23, 19, 0, 0, 123);

class Collector extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** What is written when `act` logs. */
async function written(config: LogConfig, act: (log: Log) => void): Promise<string> {
  const stream = new Collector();
  act(createLog(config, { stream, env: {}, now: () => TIME }));
  await setImmediate();
  return stream.text;
}

function lines(format: LogFormat, act: (log: Log) => void): Promise<string> {
  return written({ level: 'debug', format }, act);
}

describe('a line', () => {
  const say = (log: Log): void => {
    log.warn('wrote 2 sinks', {
      event: 'written',
      sinks: 2,
      first: '/etc/my app.env',
      role: undefined,
      drift: ['mode', 'owner'],
    });
    log.error('no', { event: 'failed', code: 'IMDS_DENIED', hint: 'say "please"', none: [] });
  };

  test('for people', async () => {
    assert.equal(
      await lines('text', say),
      '2026-11-23T19:00:00Z warn  wrote 2 sinks sinks=2 first="/etc/my app.env" drift=mode,owner\n' +
        '2026-11-23T19:00:00Z error no code=IMDS_DENIED hint="say \\"please\\""\n',
    );
  });

  test('for machines', async () => {
    assert.equal(
      await lines('json', say),
      '{"time":"2026-11-23T19:00:00.123Z","level":"warn","event":"written","message":"wrote 2 sinks","sinks":2,' +
        '"first":"/etc/my app.env","drift":["mode","owner"]}\n' +
        '{"time":"2026-11-23T19:00:00.123Z","level":"error","event":"failed","message":"no",' +
        '"code":"IMDS_DENIED","hint":"say \\"please\\"","none":[]}\n',
    );
  });

  test('for journald, with the priorities of syslog', async () => {
    const text = await lines('journald', (log) => {
      for (const level of ['error', 'warn', 'info', 'debug'] as const) log[level](level, { event: 'e', n: 1 });
    });
    assert.equal(text, '<3>error n=1\n<4>warn n=1\n<6>info n=1\n<7>debug n=1\n');
  });

  test('is written from its level on', async () => {
    const text = await written({ level: 'warn', format: 'text' }, (log) => {
      for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level](level, { event: 'e' });
    });
    assert.deepEqual(text.match(/\w+$/gm), ['warn', 'error']);
  });
});

describe('whatever is logged', () => {
  for (const format of ['text', 'json', 'journald'] as const) {
    test(`makes one line of ${format} without control characters`, async () => {
      const hostile = 'x\n<0>fake\r\u001b[2J\u0000\u0085\u2028\u202e\u{e0001}';
      const text = await lines(format, (log) => {
        log.info(hostile, { event: hostile, path: hostile, [hostile]: hostile, list: [hostile] });
      });
      assert.equal(text.indexOf('\n'), text.length - 1);
      assert.doesNotMatch(text.slice(0, -1), /[\p{Cc}\p{Cf}\p{Zl}]/u);
      if (format === 'json') assert.equal((JSON.parse(text) as { path: string }).path, hostile);
    });

    test(`shows no secret in ${format}`, async () => {
      const text = await lines(format, (log) => {
        log.info('m', { event: 'e', sessionToken: 'hidden', SECRET_ACCESS_KEY: ['hidden'], tokenTtl: 21_600 });
      });
      assert.doesNotMatch(text, /hidden/);
      assert.match(text, /\[secret\]/);
      assert.match(text, /21600/);
    });

    test(`is cut to a length in ${format}`, async () => {
      const text = await lines(format, (log) => {
        log.info('m'.repeat(1e6), { event: 'e', long: 'x'.repeat(1e6), many: Array.from({ length: 1e5 }, () => '1') });
      });
      assert.equal(text.match(/\n/g)?.length, 1);
      assert.ok(text.length < 10_000);
    });
  }

  test('a field cannot pass for the time, the level or the message', async () => {
    const text = await lines('json', (log) => {
      log.info('real', { event: 'e', time: 'fake', level: 'fake', message: 'fake' });
    });
    assert.deepEqual(JSON.parse(text), {
      time: '2026-11-23T19:00:00.123Z',
      level: 'info',
      event: 'e',
      message: 'real',
    });
  });
});
