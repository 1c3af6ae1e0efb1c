import { EXIT } from '../core/exit.ts';
import { answer } from '../host/ask.ts';
import { serve } from '../sinks/acting/serve.ts';
import { forgetSink, loadFormats, renderSink } from '../sinks/formats/render.ts';
import { createAtomicFiles } from '../system/atomic-files.ts';
import { readBootTime } from '../system/boot-time.ts';
import { fileSecurity } from '../system/descriptors.ts';
import { openStandardLines } from '../system/lines.ts';

/**
 * The process that acts as another user, already with that identity: reads one job and answers through the standard
 * pipes.
 */
export async function runActor(): Promise<number> {
  // These signals are for the agent, which ends this process when it must.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
  try {
    const lines = openStandardLines();
    const first = lines.read();
    if (first === undefined) return EXIT.done;
    const answered = answer(first, process.geteuid?.() ?? 0);
    if (answered !== undefined) {
      lines.write(answered);
      return EXIT.done;
    }
    await serve(
      {
        files: createAtomicFiles(),
        security: fileSecurity,
        // Its sinks have numbers where others have names.
        users: {
          user: (id) => Promise.resolve(typeof id === 'number' ? { uid: id, gid: id } : undefined),
          group: (id) => Promise.resolve(typeof id === 'number' ? id : undefined),
          isMember: () => Promise.resolve(true),
        },
        clock: { now: Date.now },
        readBootTime,
        render: renderSink,
        forget: forgetSink,
        loadFormats,
      },
      first,
      lines,
    );
    return EXIT.done;
  } catch {
    return EXIT.internal;
  }
}
