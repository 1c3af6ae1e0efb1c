import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { openSite, type Site } from '../support/agent.ts';
import { openShim } from './shim.ts';

/** The calls of a pass that put names and bytes on the disk, in their order: `fsync out/a.json.TEMP`. */
async function traceOf(t: TestContext, lay: (site: Site) => readonly string[]): Promise<readonly string[] | undefined> {
  const suffer = await openShim(t);
  if (!suffer) return undefined;
  const site = await openSite(t);
  const sinks = lay(site).map((name) => ({ path: site.path(name), format: 'json' }));
  const trace = site.path('trace');
  const { code, stdout } = await site.run(['once', ...site.configure({ sinks })], { env: suffer({ trace }) });
  assert.equal(code, 0, stdout);
  return readFileSync(trace, 'utf8')
    .replaceAll(`${site.directory}/`, '')
    .replaceAll(site.directory, 'site')
    .replaceAll(/\.([^/\s]+)\.\d+\.crtmp/g, '$1.TEMP')
    .split('\n')
    .map((line) => line.replace(/^\d+ /, ''))
    .filter((line) => /^(open|write|fsync|fdatasync|rename|mkdir) (site|state|out|made)\b/.test(line));
}

/** Fails unless each of these calls comes after the one before it; gives what lies between the first and the last. */
function inOrder(trace: readonly string[], calls: readonly string[]): void {
  let at = -1;
  for (const call of calls) {
    const next = trace.indexOf(call, at + 1);
    assert.ok(next >= 0, `no "${call}" after "${trace[at] ?? 'the start'}" in:\n${trace.join('\n')}`);
    at = next;
  }
}

const STATE = ['fsync state/state.json.TEMP', 'rename state/state.json.TEMP', 'fsync state'];

// Each of these was left out once, and no test saw it: only a power cut would have.
describe('what a power cut must find', () => {
  test('the state with what is pending before the first byte of a secret, and each file before its name', async (t) => {
    const trace = await traceOf(t, (site) => {
      mkdirSync(site.path('out'));
      return ['out/a.json', 'out/b.json'];
    });
    if (!trace) return;
    for (const name of ['a.json', 'b.json']) {
      const secret = ['write', 'fsync', 'rename'].map((call) => `${call} out/${name}.TEMP`);
      inOrder(trace, [`open out/${name}.TEMP`, 'write state/state.json.TEMP', ...STATE, ...secret, 'fsync out']);
    }
    // The records of the files, last.
    inOrder(trace, ['fsync out', ...STATE]);
    const lastName = Math.max(...['a.json', 'b.json'].map((name) => trace.lastIndexOf(`rename out/${name}.TEMP`)));
    assert.ok(trace.lastIndexOf('fsync out') > lastName, 'a name is not synced');
    assert.equal(trace.indexOf('write out/a.json.TEMP') > trace.indexOf('fsync state'), true);
    assert.equal(trace.indexOf('write out/b.json.TEMP') > trace.indexOf('fsync state'), true);
  });

  test('a directory that was made, and its name in the one above', async (t) => {
    const trace = await traceOf(t, () => ['made/below/a.json']);
    if (!trace) return;
    inOrder(trace, ['mkdir made', 'fsync made', 'fsync site', 'mkdir made/below', 'fsync made/below', 'fsync made']);
    inOrder(trace, [
      'fsync made/below',
      'write made/below/a.json.TEMP',
      'rename made/below/a.json.TEMP',
      'fsync made/below',
    ]);
  });
});
