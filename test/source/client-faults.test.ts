import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HttpError } from '../../src/core/contracts.ts';
import type { ErrorCode } from '../../src/core/errors.ts';
import { ImdsClient } from '../../src/source/imds/client.ts';
import { transportFault } from '../../src/source/imds/exchange.ts';
import { failure } from '../support/failure.ts';
import { deafOrigin, freeOrigin } from '../support/http-requests.ts';
import { imdsRig, imdsServer, inVain, type Step } from '../support/imds-server.ts';
import {
  answer,
  cut,
  drip,
  endless,
  hang,
  hangMidBody,
  hangUp,
  raw,
  reset,
  type Reply,
} from '../support/raw-server.ts';

const ID = 'meta-data/instance-id';
const signal = new AbortController().signal;

/** Replies that never come to an end. */
const WAITS: ReadonlySet<Reply> = new Set([hang, hangMidBody, drip]);

describe('an answer that is not the one', () => {
  type Row = [name: string, reply: Reply, code: ErrorCode, retried: boolean, hint: RegExp];
  const table: Row[] = [
    ['204', answer(204), 'IMDS_MALFORMED', false, /what answers/],
    ['206', answer(206, 'x'), 'IMDS_MALFORMED', false, /what answers/],
    ['301', answer(301, '', { Location: '/elsewhere' }), 'IMDS_MALFORMED', false, /what answers/],
    ['400', answer(400), 'IMDS_MALFORMED', false, /what answers/],
    ['401', answer(401), 'IMDS_DENIED', true, /its own token/],
    ['403', answer(403), 'IMDS_DENIED', false, /--http-endpoint enabled/],
    ['429', answer(429), 'IMDS_THROTTLED', true, /too often/],
    ['500', answer(500), 'IMDS_UNREACHABLE', true, /in trouble/],
    ['502', answer(502), 'IMDS_UNREACHABLE', true, /in trouble/],
    ['503', answer(503), 'IMDS_THROTTLED', true, /too often/],
    ['reset', reset, 'IMDS_UNREACHABLE', true, /./],
    ['hang up', hangUp, 'IMDS_UNREACHABLE', true, /./],
    ['cut', cut, 'IMDS_MALFORMED', true, /what answers/],
    ['no HTTP', raw('220 mail.example.com ESMTP\r\n'), 'IMDS_MALFORMED', true, /what answers/],
    ['huge', endless, 'IMDS_MALFORMED', false, /what answers/],
    ['just too long', answer(200, 'x'.repeat(65_537)), 'IMDS_MALFORMED', false, /what answers/],
    ['hang', hang, 'IMDS_UNREACHABLE', true, /./],
    ['hang in the body', hangMidBody, 'IMDS_UNREACHABLE', true, /./],
    ['drip', drip, 'IMDS_UNREACHABLE', true, /./],
  ];
  for (const step of ['token', 'instance-id'] as const) {
    for (const [name, reply, code, retried, hint] of table) {
      test(`${name} at ${step}: ${code}${retried ? ', after a retry' : ''}`, async (t) => {
        const server = await imdsServer(t);
        server.always(step, WAITS.has(reply) ? inVain(t, reply) : reply);
        const rig = imdsRig(t, server, { attempts: 2 });
        await assert.rejects(new ImdsClient(rig).get(ID, signal), failure(code, /: expected .*, got ./, hint));
        assert.equal(rig.clock.sleeps.length, retried ? 1 : 0);
        assert.doesNotMatch(server.requests.join(), /elsewhere/);
      });

      if (!retried) continue;
      test(`${name} at ${step} once: no harm`, async (t) => {
        const server = await imdsServer(t);
        server.reply(step, WAITS.has(reply) ? inVain(t, reply) : reply);
        const client = new ImdsClient(imdsRig(t, server, { attempts: 2 }));
        assert.equal((await client.get(ID, signal))?.toString(), 'i-0abc');
      });
    }
  }

  for (const status of [404, 405]) {
    test(`${status} at token: no IMDSv2`, async (t) => {
      const server = await imdsServer(t);
      server.always('token', answer(status));
      const client = new ImdsClient(imdsRig(t, server));
      await assert.rejects(client.get(ID, signal), failure('IMDS_MALFORMED', /got \d+$/, /imds\.v1: allow/));
    });
  }
});

describe('no answer', () => {
  const reasons: [name: string, step: Step, hint: RegExp][] = [
    ['to the token, on a connection: the hop limit', 'token', /hop-limit/],
    ['later: the packet limit', 'instance-id', /linklocal_allowance/],
  ];
  for (const [name, step, hint] of reasons) {
    test(name, async (t) => {
      const server = await imdsServer(t);
      server.always(step, inVain(t, hang));
      const client = new ImdsClient(imdsRig(t, server, { attempts: 1 }));
      await assert.rejects(client.get(ID, signal), failure('IMDS_UNREACHABLE', /got none in time$/, hint));
    });
  }

  test('and no connection: no hop limit', async (t) => {
    const rig = imdsRig(t, { origin: await deafOrigin(t) }, { timeout: 50, attempts: 1 });
    const expected = failure('IMDS_UNREACHABLE', /expected a connection, got none in time$/, /not an EC2 instance/);
    await assert.rejects(new ImdsClient(rig).get(ID, signal), expected);
  });

  test('since nobody listens', async (t) => {
    const rig = imdsRig(t, { origin: await freeOrigin() });
    const expected = failure(
      'IMDS_UNREACHABLE',
      /^PUT http.*\/api\/token: expected a connection, got ECONNREFUSED/,
      /firewall/,
    );
    await assert.rejects(new ImdsClient(rig).get(ID, signal), expected);
    assert.equal(rig.clock.sleeps.length, 3);
  });
});

// Cause: a host that has IPv4 or IPv6 alone was told of firewalls and hop limits.
test('an address family that the host has no way to is named', () => {
  const asked = (origin: string): string =>
    transportFault({ origin, method: 'PUT', path: '/' }, new HttpError('no_route', 'ENETUNREACH on connect')).hint ??
    '';
  assert.match(asked('http://[fd00:ec2::254]'), /no way to it by IPv6/);
  assert.match(asked('http://169.254.169.254'), /IPv6 alone, imds\.endpoint_mode: ipv6/);
});
