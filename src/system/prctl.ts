import { dlopen } from 'node:ffi';

const PR_SET_DUMPABLE = 4;
const PR_SET_NO_NEW_PRIVS = 38;

const { functions: libc } = dlopen(null, {
  prctl: { arguments: ['i32', 'u64', 'u64', 'u64', 'u64'], return: 'i32' },
});

/** Nobody gets at the secrets of this process by way of a core file, or of a debugger that its own user runs. */
export function leaveNoCore(): void {
  set(PR_SET_DUMPABLE, 0n, 'expected to leave no core file');
}

/** Nothing that this process executes has more rights than it has. */
export function gainNoRights(): void {
  set(PR_SET_NO_NEW_PRIVS, 1n, 'expected to gain no rights again');
}

function set(option: number, value: bigint, expectation: string): void {
  if (libc.prctl(option, value, 0n, 0n, 0n) !== 0) throw new Error(expectation);
}
