// Loaded before everything that runs from the sources (scripts/node.sh): write-file-atomic works there as in the product,
// with the stand-ins of scripts/lean.ts.
import { registerHooks } from 'node:module';
import { leftOut, packageOf } from './lean.ts';

const NAME = 'write-file-atomic';
const SCHEME = 'stand-in:';

registerHooks({
  resolve(specifier, context, next) {
    if (packageOf(context.parentURL ?? '').name !== NAME) return next(specifier, context);
    const found = leftOut.find(({ importer, module }) => importer === NAME && module === specifier);
    return found ? { url: `${SCHEME}${specifier}`, format: 'commonjs', shortCircuit: true } : next(specifier, context);
  },
  load(url, context, next) {
    if (!url.startsWith(SCHEME)) return next(url, context);
    const module = url.slice(SCHEME.length);
    const found = leftOut.find((one) => one.importer === NAME && one.module === module);
    return { format: 'commonjs', source: found?.contents ?? '', shortCircuit: true };
  },
});
