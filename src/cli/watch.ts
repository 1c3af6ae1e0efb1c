import { AgentError } from '../core/errors.ts';
import { EXIT, type ExitCode } from '../core/exit.ts';
import type { Terminal, World } from '../agent/world.ts';

/** Milliseconds. */
const EVERY = 2_000;

/** Terminal sequences: another screen and no cursor, and back; the top, without what stood there. */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const CLEAR = '\u001b[H\u001b[2J';

/** Shows a screen anew until it is stopped, and leaves the terminal as it was. */
export async function watch(world: World, screen: () => Promise<string>): Promise<ExitCode> {
  const { terminal, print, stop } = world;
  if (!terminal) {
    throw new AgentError('USAGE', 'expected a terminal to show it on, got something else', {
      hint: 'without --watch it is printed once',
    });
  }
  const { clock } = await world.services();
  print(ENTER);
  try {
    while (!stop.aborted) {
      print(CLEAR + fit(await screen(), terminal));
      await clock.sleep(EVERY, stop);
    }
  } finally {
    print(LEAVE);
  }
  return EXIT.done;
}

/** What does not fit on the screen would push its beginning out. */
function fit(text: string, terminal: Terminal): string {
  const { rows } = terminal.size();
  const lines = text.trimEnd().split('\n');
  if (lines.length <= rows) return lines.join('\n');
  return [...lines.slice(0, rows - 1), `... ${lines.length - rows + 1} more lines`].join('\n');
}
