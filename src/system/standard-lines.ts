import { readSync, writeSync } from 'node:fs';
import { LineBuffer } from './line-buffer.ts';

const CHUNK = 64 * 1024;

export interface StandardLines {
  /** Undefined at the end. */
  readonly read: () => string | undefined;
  readonly write: (line: string) => void;
}

/** Lines by the standard pipes of a process that has nothing else to do while it waits. They throw errno errors. */
export function openStandardLines(): StandardLines {
  const lines = new LineBuffer(Infinity);
  return {
    read() {
      const chunk = Buffer.alloc(CHUNK);
      for (let line = lines.next(); ; line = lines.next()) {
        if (line !== undefined) return line;
        const count = readSync(0, chunk);
        if (count === 0) return undefined;
        lines.add(chunk.subarray(0, count));
      }
    },
    write(line) {
      const bytes = Buffer.from(`${line}\n`);
      for (let done = 0; done < bytes.length;) done += writeSync(1, bytes, done);
    },
  };
}
