import { closeSync, existsSync, openSync, statSync } from 'node:fs';
import { dlopen } from 'node:ffi';
import type { TestContext } from 'node:test';

const MNT_DETACH = 2;

export interface Hanging {
  readonly uid: number;
  /** Whether others than that user see anything there. */
  readonly forAll?: boolean;
}

/**
 * Mounts a file system whose server never answers. It goes with `using`: before whatever would look at it. Undefined,
 * with the test skipped, where it cannot.
 */
export function mountHanging(t: TestContext, path: string, { uid, forAll = false }: Hanging): Disposable | undefined {
  if (!existsSync('/dev/fuse')) {
    skip(t);
    return undefined;
  }
  const { functions: libc } = dlopen(null, {
    mount: { arguments: ['pointer', 'pointer', 'pointer', 'u64', 'pointer'], return: 'i32' },
    umount2: { arguments: ['pointer', 'i32'], return: 'i32' },
  });
  const text = (value: string): Buffer => Buffer.from(`${value}\0`);
  const mode = statSync(path).isDirectory() ? '40755' : '100644';
  const server = openSync('/dev/fuse', 'r+');
  const options = `fd=${server},rootmode=${mode},user_id=${uid},group_id=${uid}${forAll ? ',allow_other' : ''}`;
  const at = text(path);
  if (libc.mount(text('hanging'), at, text('fuse'), 0n, text(options)) !== 0) {
    closeSync(server);
    skip(t);
    return undefined;
  }
  return {
    [Symbol.dispose]() {
      closeSync(server);
      libc.umount2(at, MNT_DETACH);
    },
  };
}

function skip(t: TestContext): void {
  t.skip('needs the right to mount FUSE');
}
