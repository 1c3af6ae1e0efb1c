import { lineWidth, USUAL } from '../report/fold.ts';
import type { Look } from '../report/layout.ts';
import { coloured, plain } from '../report/paint.ts';
import type { World } from '../agent/world.ts';

/** How what is laid out for people looks on standard output, a terminal or not. */
export function screenOf({ terminal }: World): Omit<Look, 'now'> {
  return {
    paint: terminal?.hasColors ? coloured : plain,
    width: lineWidth(terminal?.size().columns ?? USUAL),
  };
}
