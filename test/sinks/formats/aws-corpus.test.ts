import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Secret } from '../../../src/core/secret.ts';
import { renderSink } from '../../../src/sinks/formats/render.ts';
import corpus from '../../corpus/aws-credentials/corpus.json' with { type: 'json' };
import { fresh, awsSink } from './rendering.ts';

const credentials = {
  ...fresh,
  accessKeyId: corpus.credentials.aws_access_key_id,
  secretAccessKey: new Secret(corpus.credentials.aws_secret_access_key),
  sessionToken: new Secret(corpus.credentials.aws_session_token),
};

describe('aws-credentials, by the corpus', () => {
  for (const { id, profile, action, encoding, before, after, warn } of corpus.cases) {
    const bytesOf = (text: string): Buffer => Buffer.from(text, encoding === 'latin-1' ? 'latin1' : 'utf8');

    test(`${id}: ${action}`, () => {
      const rendered = renderSink(bytesOf(before), credentials, awsSink({ profile }), {});
      if (action === 'refuse') {
        assert.equal(rendered.ok, false);
        return;
      }
      assert.ok(rendered.ok);
      assert.equal(rendered.bytes.toString('latin1'), bytesOf(after).toString('latin1'));
      assert.equal(rendered.warnings.length > 0, warn, rendered.warnings.join('; '));
      const again = renderSink(bytesOf(after), credentials, awsSink({ profile }), {});
      assert.ok(again.ok);
      assert.equal(again.bytes.toString('latin1'), bytesOf(after).toString('latin1'));
    });
  }
});
