import type { TestContext } from 'node:test';
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/simulator.ts';

export const CREDENTIALS = '/latest/meta-data/iam/security-credentials/demo-role';
export const ROLES = '/latest/meta-data/iam/security-credentials/';

/** A simulator that ends with the test. */
export async function start(t: TestContext, options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await createSimulator(options);
  t.after(() => simulator.close());
  return simulator;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

export async function send(simulator: Simulator, path: string, init: RequestInit = {}): Promise<Reply> {
  const response = await fetch(simulator.url + path, init);
  return { status: response.status, headers: response.headers, body: await response.text() };
}

export function putToken(simulator: Simulator, headers: Readonly<Record<string, string>>): Promise<Reply> {
  return send(simulator, '/latest/api/token', { method: 'PUT', headers });
}

export async function token(simulator: Simulator, ttl = 21_600): Promise<string> {
  return (await putToken(simulator, { 'x-aws-ec2-metadata-token-ttl-seconds': `${ttl}` })).body;
}

export function get(simulator: Simulator, path: string, withToken: string, method = 'GET'): Promise<Reply> {
  return send(simulator, path, { method, headers: { 'x-aws-ec2-metadata-token': withToken } });
}

/** A clock that stands until it is moved. */
export class Hands {
  time = Date.parse('2026-05-01T10:00:00.250Z');
  readonly now = (): number => this.time;
}
