import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HOST, type Architecture } from '../runtime.ts';
import { ROOT } from './product.ts';

const TRIPLETS: Readonly<Record<Architecture, string>> = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };

/** Debian's, of this machine or of its cross compilers. Node takes one function from it, and a minimal system lacks it. */
export function libatomic(architecture: Architecture): string {
  const triplet = TRIPLETS[architecture];
  return architecture === HOST ? `/usr/lib/${triplet}/libatomic.so.1` : `/usr/${triplet}/lib/libatomic.so.1`;
}

/** GPL 3 with the exception for libraries of GCC, and where its source is. */
export function libatomicLicence(): string {
  return readFileSync(join(ROOT, 'packaging/libatomic.txt'), 'utf8').trim();
}
