import { readSync, writeSync } from 'node:fs';

const NEWLINE = 0x0a;
const FIRST_ROOM = 4_096;

/** Takes bytes in pieces of any size and gives lines; holds no more than `maxBytes` of all that it ever took. */
export class LineBuffer {
  readonly #maxBytes: number;
  readonly #lines: string[] = [];
  #room = Buffer.alloc(FIRST_ROOM);
  #length = 0;
  #taken = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** False when it is too much: nothing of the piece is kept. */
  add(chunk: Buffer): boolean {
    this.#taken += chunk.length;
    if (this.#taken > this.#maxBytes) return false;
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#append(chunk.subarray(start, end));
      this.#lines.push(this.#room.toString('utf8', 0, this.#length));
      this.#length = 0;
      start = end + 1;
    }
    this.#append(chunk.subarray(start));
    return true;
  }

  next(): string | undefined {
    return this.#lines.shift();
  }

  /** Into one buffer that doubles: a list of pieces would cost far more than the bytes when they come one by one. */
  #append(piece: Buffer): void {
    const needed = this.#length + piece.length;
    if (needed > this.#room.length) {
      const larger = Buffer.alloc(Math.max(needed, 2 * this.#room.length));
      this.#room.copy(larger, 0, 0, this.#length);
      this.#room = larger;
    }
    piece.copy(this.#room, this.#length);
    this.#length = needed;
  }
}

const CHUNK = 64 * 1024;

/**
 * Lines by the standard pipes of a process that has nothing else to do while it waits. `read` gives undefined at the end.
 * Both throw errno errors.
 */
export function openStandardLines(): { read(): string | undefined; write(line: string): void } {
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
