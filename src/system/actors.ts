import type { ChildProcess } from 'node:child_process';
import type { Actor, Actors, Heard, User } from '../core/contracts.ts';
import { ACT_AS, ACT_AS_ROOT } from '../core/act-as.ts';
import { describeForeign } from '../core/errors.ts';
import { identityArguments } from './become.ts';
import { LineBuffer } from './lines.ts';
import { signalGroup, spawnAlone } from './commands.ts';

/** A killed process that is still there after this time hangs in the kernel. */
const GOING_MS = 1_000;
/** Time for each to end when the agent stops: far more than one needs that does not hang. */
const GRACE_MS = 1_000;

/** `program`: program and first arguments that start this program again; `stop`: aborted when the agent is to end. */
export function createActors(program: readonly string[], stop?: AbortSignal): Actors {
  const running = new Set<Process>();
  let isOver = false;
  const giveUp = (): void => {
    isOver = true;
    for (const one of running) one.giveUp();
  };
  stop?.addEventListener('abort', () => setTimeout(giveUp, GRACE_MS).unref(), { once: true });
  return {
    start(user, { subject, maxBytes }) {
      const work = `${user.uid} ${subject}`;
      if ([...running].some((one) => one.work === work && one.hangs)) return undefined;
      const child = launch(program, user);
      const actor = new Process(child, work, maxBytes);
      running.add(actor);
      for (const event of ['exit', 'error']) child.once(event, () => running.delete(actor));
      if (isOver) actor.giveUp();
      return actor;
    },
  };
}

function launch(program: readonly string[], user: User): ChildProcess {
  return spawnAlone([...program, ...(user.uid === 0 ? [ACT_AS_ROOT] : [ACT_AS, ...identityArguments(user)])], {
    argv0: 'credrotate',
    // Work in an io_uring may be done with the rights of the moment at which the ring was made.
    env: { UV_USE_IO_URING: '0' },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
}

class Process implements Actor {
  readonly work: string;
  readonly #child: ChildProcess;
  readonly #lines: LineBuffer;
  #why: string | undefined;
  #endedAt: number | undefined;
  #news = Promise.withResolvers<undefined>();

  constructor(child: ChildProcess, work: string, maxBytes: number) {
    this.work = work;
    this.#child = child;
    this.#lines = new LineBuffer(maxBytes);
    child.once('error', (error) => {
      this.#close(describeForeign(error));
    });
    child.once('close', (code, signal) => {
      this.#close(signal ?? `exit code ${code}`);
    });
    // A pipe that breaks is followed by the end of the process, which says more.
    for (const stream of [child.stdin, child.stdout]) stream?.on('error', () => undefined);
    child.stdout?.on('data', (chunk: Buffer) => {
      if (this.#lines.add(chunk)) this.#news.resolve(undefined);
      else this.#close(`more than ${maxBytes} bytes`);
    });
  }

  async hear(): Promise<Heard> {
    for (;;) {
      const line = this.#lines.next();
      if (line !== undefined) return { ok: true, line };
      if (this.#why !== undefined) return { ok: false, why: this.#why };
      this.#news = Promise.withResolvers();
      await this.#news.promise;
    }
  }

  say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  end(): void {
    const { exitCode, signalCode, stdin, stdout } = this.#child;
    this.#endedAt ??= performance.now();
    stdin?.destroy();
    stdout?.destroy();
    this.#child.unref();
    // Until its exit is collected, the kernel keeps the number for it.
    if (exitCode === null && signalCode === null) signalGroup(this.#child, 'SIGKILL');
  }

  /** Ends all waits for it, even if it hangs. */
  giveUp(): void {
    this.end();
    this.#close('the agent is stopping');
  }

  get hangs(): boolean {
    return this.#endedAt !== undefined && performance.now() - this.#endedAt > GOING_MS;
  }

  #close(why: string): void {
    this.#why ??= why;
    this.#news.resolve(undefined);
  }
}
