import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countTalkers } from '../../src/lockdown/preflight.ts';

const NONE = '00000000000000000000000000000000:0000';

/** Of /proc/net/tcp and tcp6: remote address with port, state, user. */
function line(remote: string, state: string, user: number): string {
  const local = remote.length > 13 ? NONE : '0100007F:A1B2';
  return `   1: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000 ${String(user).padStart(5)}        0 123 1 0`;
}

test('connections to the two addresses count, by user', () => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    line('FEA9FEA9:0050', '01', 1001),
    line('FEA9FEA9:1F90', '02', 1001),
    line('0000000000000000FFFF0000FEA9FEA9:0050', '08', 33),
    line('C20E00FD000000000000000054020000:0050', '01', 1001),
    line('FEA9FEA9:0050', '06', 0),
    line('FDA9FEA9:0035', '01', 1002),
    line('0100007F:0050', '01', 1003),
    '',
  ].join('\n');
  assert.deepEqual(countTalkers(table), [
    { uid: 33, connections: 1 },
    { uid: 1001, connections: 3 },
  ]);
  const container = line('02AAFEA9:0050', '01', 1004);
  assert.deepEqual(countTalkers(container), []);
  assert.deepEqual(countTalkers(container, ['169.254.170.2']), [{ uid: 1004, connections: 1 }]);
});
