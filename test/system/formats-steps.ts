import { Session, type Profiler } from 'node:inspector/promises';

// Before the code that is counted is compiled: without this it would have no counters.
const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });

/**
 * How many blocks of the formats' code a piece of work runs, as V8 counts them, and how many characters it has the
 * engine look at (searches and regular expressions, which run no blocks of ours). The same on every machine, under
 * any load. To be imported before that code.
 */
export async function stepsOf(work: () => void): Promise<number> {
  using characters = countCharacters();
  await session.post('Profiler.takePreciseCoverage');
  work();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  return blocksOf(result) + characters.count;
}

function blocksOf(result: readonly Profiler.ScriptCoverage[]): number {
  return result
    .filter(({ url }) => /\/src\/sinks\/formats\/|\/jsonc-parser\//.test(url))
    .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges.map(({ count }) => count)))
    .reduce((sum, count) => sum + count, 0);
}

/** Of each text the part from where the engine begins; what it skips by an index of ours is not counted. */
function countCharacters(): { count: number } & Disposable {
  const [indexOf, exec] = [Reflect.get(String.prototype, 'indexOf'), Reflect.get(RegExp.prototype, 'exec')];
  const counter = {
    count: 0,
    [Symbol.dispose]: () => {
      String.prototype.indexOf = indexOf;
      RegExp.prototype.exec = exec;
    },
  };
  String.prototype.indexOf = function (this: string, search: string, from = 0): number {
    const found = indexOf.call(this, search, from);
    counter.count += (found < 0 ? this.length : found) - from;
    return found;
  };
  RegExp.prototype.exec = function (this: RegExp, text: string): RegExpExecArray | null {
    const from = this.sticky || this.global ? this.lastIndex : 0;
    const found = exec.call(this, text);
    counter.count += found ? found.index + found[0].length - from : this.sticky ? 1 : text.length - from;
    return found;
  };
  return counter;
}
