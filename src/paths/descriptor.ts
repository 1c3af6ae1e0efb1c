import { closeSync } from 'node:fs';

/** An open descriptor that goes with `using`. */
export interface Descriptor extends Disposable {
  readonly fd: number;
}

/** Takes over a descriptor that was just opened: the end of the block closes it. */
export function closedAtEnd(fd: number): Descriptor {
  return {
    fd,
    [Symbol.dispose]() {
      closeSync(fd);
    },
  };
}
