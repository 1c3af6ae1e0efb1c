import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DOUBLE = join(import.meta.dirname, 'double.ts');

/** A place of its own on this machine: directories, and a double of the metadata service. */
export class Site implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'credrotate-bench-'));
  readonly endpoint: string;
  readonly #double: ChildProcess;

  private constructor(double: ChildProcess, endpoint: string) {
    this.#double = double;
    this.endpoint = endpoint;
  }

  /** What the double does with its connections. */
  static async open(connections: 'close' | 'keep'): Promise<Site> {
    const double = spawn(process.execPath, [DOUBLE, connections], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(double.stdout, 'data')) as [Buffer];
    return new Site(double, String(line).trim());
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
    const answer = await fetch(`${this.endpoint}/rotate`, { method: 'POST' });
    if (!answer.ok) throw new Error(`double: expected to rotate, got ${answer.status}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#double.kill();
    await once(this.#double, 'exit');
    rmSync(this.directory, { recursive: true, force: true });
  }
}
