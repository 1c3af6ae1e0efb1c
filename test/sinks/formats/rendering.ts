import assert from 'node:assert/strict';
import type { AwsCredentialsSink, DotenvSink, JsonSink, SinkConfig } from '../../../src/core/config.ts';
import type { Credentials, Origin } from '../../../src/core/credentials.ts';
import { renderSink } from '../../../src/sinks/formats/render.ts';
import { credentials } from '../../support/credentials.ts';

const common = { path: '/nowhere', source: 'instance', mode: 0o600, notify: [] } as const;

export const fresh = credentials('new');
/** As the files spell them. */
export const KEY = fresh.accessKeyId;
export const SECRET = fresh.secretAccessKey.reveal();
export const TOKEN = fresh.sessionToken.reveal();
export const EXPIRATION = '2026-11-23T18:00:00Z';

export function awsSink(change: Partial<AwsCredentialsSink> = {}): AwsCredentialsSink {
  return {
    ...common,
    format: 'aws-credentials',
    profile: 'default',
    securityToken: 'auto',
    accountId: false,
    comment: false,
    ...change,
  };
}

export function dotenvSink(change: Partial<DotenvSink> = {}): DotenvSink {
  const names = {
    accessKeyId: 'AWS_ACCESS_KEY_ID',
    secretAccessKey: 'AWS_SECRET_ACCESS_KEY',
    sessionToken: 'AWS_SESSION_TOKEN',
    expiration: 'AWS_CREDENTIAL_EXPIRATION',
  };
  return { ...common, format: 'dotenv', prefix: '', names, export: false, only: false, comment: false, ...change };
}

export function jsonSink(content: JsonSink['content']): JsonSink {
  return { ...common, format: 'json', content };
}

export interface Request {
  readonly sink: SinkConfig;
  readonly existing?: string | Buffer;
  readonly credentials?: Credentials;
  readonly origin?: Origin;
}

export interface Written {
  readonly bytes: Buffer;
  readonly text: string;
  readonly warnings: readonly string[];
}

/** What is written, or undefined for a refusal. Fails when writing it again would change anything. */
export function tryRender({ sink, existing, credentials = fresh, origin = {} }: Request): Written | undefined {
  const before = existing === undefined ? undefined : Buffer.from(existing);
  const first = renderSink(before, credentials, sink, origin);
  if (!first.ok) {
    assert.equal(first.error.code, 'SINK_FORMAT_REFUSED');
    return undefined;
  }
  const second = renderSink(first.bytes, credentials, sink, origin);
  assert.ok(second.ok, 'what was written is refused');
  assert.equal(
    second.bytes.toString('latin1'),
    first.bytes.toString('latin1'),
    'a second pass changes what was written',
  );
  return { bytes: first.bytes, text: first.bytes.toString(), warnings: first.warnings };
}

export function render(request: Request): Written {
  const written = tryRender(request);
  assert.ok(written, 'refused');
  return written;
}

/** The message of the refusal, which must have a hint and must not quote the file. */
export function refuse({ sink, existing = '', credentials = fresh, origin = {} }: Request): string {
  const rendered = renderSink(Buffer.from(existing), credentials, sink, origin);
  assert.ok(!rendered.ok, 'not refused');
  assert.equal(rendered.error.code, 'SINK_FORMAT_REFUSED');
  assert.ok(rendered.error.hint);
  assert.doesNotMatch(JSON.stringify(rendered.error), /OLD|ASIA/);
  return rendered.error.message;
}
