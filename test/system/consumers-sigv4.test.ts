import assert from 'node:assert/strict';
import { test } from 'node:test';
import { report } from '../faults/tally.ts';
import { refusal, sha256, type SignedRequest } from './consumers-sigv4.ts';

const KEYS = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const NOW = Date.parse('2013-05-24T00:00:00Z');
const knowledge = { current: KEYS, past: new Set(['AKIAPAST']), now: NOW };

function example(method: string, target: string, signature: string, headers: Record<string, string>): SignedRequest {
  const all: Record<string, string> = {
    host: 'examplebucket.s3.amazonaws.com',
    'x-amz-content-sha256': sha256(''),
    'x-amz-date': '20130524T000000Z',
    ...headers,
  };
  const credential = `${KEYS.accessKeyId}/20130524/us-east-1/s3/aws4_request`;
  const names = Object.keys(all).sort().join(';');
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=${names},Signature=${signature}`;
  return { method, target, headers: { ...all, authorization } };
}

/** From "Authenticating Requests: Using the Authorization Header" in the API reference of S3. */
const GET_OBJECT = example('GET', '/test.txt', 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41', {
  range: 'bytes=0-9',
});
const EXAMPLES: readonly SignedRequest[] = [
  GET_OBJECT,
  example('PUT', '/test%24file.text', '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd', {
    date: 'Fri, 24 May 2013 00:00:00 GMT',
    'x-amz-content-sha256': sha256('Welcome to Amazon S3.'),
    'x-amz-storage-class': 'REDUCED_REDUNDANCY',
  }),
  example('GET', '/?lifecycle', 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543', {}),
  example('GET', '/?max-keys=2&prefix=J', '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7', {}),
];

test('the S3 double accepts what AWS has signed in its examples', (t) => {
  for (const request of EXAMPLES) assert.equal(refusal(request, knowledge), undefined, request.target);
  report(t, { case: 'S3 double: signatures of AWS', tries: EXAMPLES.length, survived: EXAMPLES.length, lost: 0 });
});

const { authorization = '', ...unsigned } = GET_OBJECT.headers;
const withHeaders = (headers: SignedRequest['headers']): SignedRequest => ({ ...GET_OBJECT, headers });
const signedBy = (text: string, other: string): SignedRequest =>
  withHeaders({ ...GET_OBJECT.headers, authorization: authorization.replace(text, other) });

const REFUSED: readonly (readonly [string, string, SignedRequest, object?])[] = [
  ['no signature', 'AccessDenied', withHeaders(unsigned)],
  ['another kind of signature', 'AuthorizationHeaderMalformed', signedBy('AWS4-HMAC-SHA256', 'AWS')],
  ['a day that is not the date', 'AuthorizationHeaderMalformed', signedBy('20130524', '20130523')],
  ['unknown keys', 'InvalidAccessKeyId', signedBy(KEYS.accessKeyId, 'AKIANOBODY')],
  ['keys that were good once', 'ExpiredToken', signedBy(KEYS.accessKeyId, 'AKIAPAST')],
  ['another secret', 'SignatureDoesNotMatch', GET_OBJECT, { current: { ...KEYS, secretAccessKey: 'other' } }],
  ['another region', 'SignatureDoesNotMatch', signedBy('us-east-1', 'eu-west-1')],
  ['another method', 'SignatureDoesNotMatch', { ...GET_OBJECT, method: 'DELETE' }],
  ['another path', 'SignatureDoesNotMatch', { ...GET_OBJECT, target: '/other.txt' }],
  ['another query', 'SignatureDoesNotMatch', { ...GET_OBJECT, target: '/test.txt?acl' }],
  ['another value', 'SignatureDoesNotMatch', withHeaders({ ...GET_OBJECT.headers, range: 'bytes=0-8' })],
  ['a token that is not signed', 'AccessDenied', withHeaders({ ...GET_OBJECT.headers, 'x-amz-security-token': 'x' })],
  ['no token', 'InvalidToken', GET_OBJECT, { current: { ...KEYS, token: 'token' } }],
  ['an old request', 'RequestTimeTooSkewed', GET_OBJECT, { now: NOW + 16 * 60_000 }],
];

test('the S3 double refuses what differs in one thing', (t) => {
  for (const [what, code, request, other] of REFUSED)
    assert.equal(refusal(request, { ...knowledge, ...other }), code, what);
  report(t, { case: 'S3 double: refusals', tries: REFUSED.length, survived: REFUSED.length, lost: 0 });
});
