import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A place of its own on this machine: directories, and a simulated metadata service in a process of its own. */
export class Site implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'credrotate-bench-'));
  readonly endpoint: string;
  readonly #simulator: ChildProcess;

  private constructor(simulator: ChildProcess, endpoint: string) {
    this.#simulator = simulator;
    this.endpoint = endpoint;
  }

  static async open(executable: string): Promise<Site> {
    const simulator = spawn(executable, ['simulate', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(simulator.stdout, 'data')) as [Buffer];
    const endpoint = /http:\/\/[^\s]+/.exec(String(line))?.[0];
    if (endpoint === undefined) throw new Error(`simulate: expected its address, got ${String(line)}`);
    return new Site(simulator, endpoint);
  }

  /** A fresh directory of this name. */
  fresh(name: string): string {
    const path = join(this.directory, name);
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  write(name: string, content: string | object): string {
    const path = join(this.directory, name);
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  }

  /** For an agent whose state and status are in directories of this name. */
  env(name: string): Record<string, string> {
    return {
      HOME: this.directory,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: this.endpoint,
      STATE_DIRECTORY: join(this.directory, name, 'state'),
      RUNTIME_DIRECTORY: join(this.directory, name, 'run'),
    };
  }

  async rotate(): Promise<void> {
    const answer = await fetch(`${this.endpoint}/simulator/rotate`, {
      method: 'POST',
      headers: { 'x-credrotate-simulator': '1' },
    });
    if (!answer.ok) throw new Error(`simulator: expected to rotate, got ${answer.status}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#simulator.kill();
    await once(this.#simulator, 'exit');
    rmSync(this.directory, { recursive: true, force: true });
  }
}
