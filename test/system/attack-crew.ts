import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { eventually } from '../support/eventually.ts';
import type { Ground } from './attack-ground.ts';

/** The programs of the user, and one of root's that watches. */
export class Crew implements Disposable {
  readonly #program: string;
  readonly #ground: Ground;
  readonly #attackers: ChildProcess[] = [];
  readonly #watchers: ChildProcess[] = [];
  #said = '';

  constructor(t: TestContext, program: string, ground: Ground) {
    this.#ground = ground;
    this.#program = join(ground.base, 'attacker');
    // Where its user can reach it.
    copyFileSync(program, this.#program);
    t.after(() => {
      this[Symbol.dispose]();
    });
  }

  async watch(): Promise<void> {
    const { files, directories } = this.#ground.watched();
    for (const [flags, paths] of [
      ['r', files],
      ['w', directories],
    ] as const) {
      this.#watchers.push(this.#listen(spawn(this.#program, ['watch', flags, ...paths.map(ofThisProcess)])));
    }
    await eventually('the watch', () => this.#said === 'watching\n'.repeat(2));
    this.#said = '';
  }

  /** Arguments of attacker.c, for each process that the user runs. */
  attack(attackers: readonly (readonly string[])[]): void {
    const { user } = this.#ground;
    const ids = { uid: user, gid: user, cwd: '/', env: {} };
    for (const args of attackers) this.#attackers.push(this.#listen(spawn(this.#program, args, ids)));
  }

  /** What the user's programs were glad of, and what the watch has seen. */
  said(): string {
    return this.#said;
  }

  /** All stand still when it resolves. */
  async pause(): Promise<void> {
    for (const attacker of this.#attackers) attacker.kill('SIGSTOP');
    for (const { pid } of this.#attackers) {
      await eventually('they stand still', () => /^State:\s*T/m.test(readFileSync(`/proc/${pid}/status`, 'latin1')));
    }
  }

  goOn(): void {
    for (const attacker of this.#attackers) attacker.kill('SIGCONT');
  }

  /** Before root's files are read. */
  leave(): void {
    assert.ok([...this.#attackers, ...this.#watchers].every((one) => one.exitCode === null && one.signalCode === null));
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const one of [...this.#attackers, ...this.#watchers]) one.kill('SIGKILL');
  }

  #listen(program: ChildProcess): ChildProcess {
    program.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#said += text));
    return program;
  }
}

/** The vaults are held by this process. */
function ofThisProcess(path: string): string {
  return path.replace('/proc/self/', `/proc/${process.pid}/`);
}
