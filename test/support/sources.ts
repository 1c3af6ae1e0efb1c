import assert from 'node:assert/strict';
import type { Users } from '../../src/core/contracts.ts';
import type { SourceDeps } from '../../src/source/contract.ts';
import { readFields } from '../../src/sinks/formats/read.ts';
import { createUsers } from '../../src/host/users.ts';
import { createClock } from '../../src/system/clock.ts';
import { createCommands } from '../../src/system/commands.ts';

/** The surroundings of a source that asks nobody on the network, with whatever is to be different. */
export function sourceDeps(change: Partial<SourceDeps> = {}): SourceDeps {
  const commands = createCommands();
  return {
    http: { request: () => assert.fail('the network was asked'), close: () => Promise.resolve() },
    makeHttp: () => assert.fail('the network was asked'),
    clock: createClock(),
    env: {},
    users: createUsers({ commands }),
    commands,
    readFields: (...given) => Promise.resolve(readFields(...given)),
    self: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    ...change,
  };
}

/** A user database of these alone, by name. */
export function usersOf(ids: Readonly<Record<string, number>>): Users {
  const find = (one: string | number): number | undefined => (typeof one === 'number' ? one : ids[one]);
  return {
    user: (one) => Promise.resolve(find(one)).then((id) => (id === undefined ? undefined : { uid: id, gid: id })),
    group: (one) => Promise.resolve(find(one)),
    isMember: (uid, gid) => Promise.resolve(uid === gid),
  };
}
