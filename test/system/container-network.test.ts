import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { ecsAnswer } from '../support/container.ts';
import { limit } from '../support/limits.ts';
import { executable } from '../support/product.ts';
import { tempDir } from '../support/temp-dir.ts';

const run = promisify(execFile);

/** As a host of ECS: it answers at port 80 of 169.254.170.2, and says when it listens. */
const SERVER = `
require('node:http').createServer((request, response) => response.end(process.env.BODY))
  .listen(80, '169.254.170.2', () => console.log('listens'));
`;

/** In a network of its own, where the address is of this host: $1 is the user who answers. */
const SCRIPT = `
set -eu
ip link set lo up
ip address add 169.254.170.2/32 dev lo
echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
mkfifo "$DIRECTORY/ready"
setpriv --reuid="$1" --regid="$1" --clear-groups "$NODE" -e "$SERVER" >"$DIRECTORY/ready" &
server=$!
trap 'kill $server' EXIT
read -r line <"$DIRECTORY/ready"
export AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/1
"$EXECUTABLE" export --source task --config "$DIRECTORY/c.yaml"
`;

async function exportFrom(t: TestContext, uid: number, settings = ''): Promise<{ stdout: string; stderr: string }> {
  const directory = tempDir(t);
  writeFileSync(join(directory, 'c.yaml'), `sources: { task: { type: container${settings} } }\nsinks: []\n`);
  const { PATH } = process.env;
  const BODY = ecsAnswer({ Expiration: '2099-01-01T00:00:00Z' });
  const env = { PATH, BODY, SERVER, DIRECTORY: directory, NODE: process.execPath, EXECUTABLE: executable };
  const args = ['--net', '/bin/sh', '-c', SCRIPT, 'sh', String(uid)];
  return await run('unshare', args, { env, cwd: '/', timeout: limit(60_000) }).catch((error: unknown) => {
    return error as { stdout: string; stderr: string };
  });
}

describe('the address of ECS, on a host that has it', { timeout: limit(120_000) }, () => {
  test('answers where root listens at it', async (t) => {
    const { stdout, stderr } = await exportFrom(t, 0);
    assert.match(stdout, /ASIAEXAMPLE000000001/, stderr);
  });

  test('is refused where another user does, unless that user is named', async (t) => {
    const refused = await exportFrom(t, 65_533);
    assert.equal(refused.stdout, '');
    assert.match(refused.stderr, /SOURCE_DENIED: .*169\.254\.170\.2.*uid 65533/s);
    assert.doesNotMatch(refused.stderr, /credentials\/1/);
    const { stdout, stderr } = await exportFrom(t, 65_533, ', user: 65533');
    assert.match(stdout, /ASIAEXAMPLE000000001/, stderr);
  });
});
