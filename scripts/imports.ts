import { globSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { cruise } from 'dependency-cruiser';
import type { ICruiseResult, IForbiddenRuleType, IViolation } from 'dependency-cruiser';

interface Layer {
  /** Paths below src/ that it may import beside its own. */
  readonly paths: readonly string[];
  readonly packages?: readonly string[];
  /** Files outside src/ that are read into the bundle. */
  readonly data?: readonly string[];
  /** Touches nothing of the outside world: of Node it may import computation alone. */
  readonly pure?: true;
}

const stage: Layer = { paths: ['core/', 'paths/', 'files/'] };

/** Of a folder in sinks/, with those beside it that it may use. */
const sinks = (...folders: readonly string[]): Layer => ({
  paths: [...stage.paths, ...['contract.ts', 'record.ts', ...folders].map((path) => `sinks/${path}`)],
});

/** What a pass is made of. */
const below = [...stage.paths, 'config/', 'host/', 'source/', 'sinks/', 'notify/'];

/** Everything that a path below src/ may import. Imports run downward, and stages never import each other. */
const layers: Readonly<Record<string, Layer>> = {
  'core/': { paths: [], packages: ['@noble/hashes'], pure: true },
  'paths/': { paths: ['core/'] },
  'files/': { paths: ['core/', 'paths/'] },
  'config/': { paths: ['core/', 'paths/', 'files/'], packages: ['valibot', 'yaml'] },
  'source/': { paths: [...stage.paths, 'host/'], packages: ['@noble/hashes', '@smithy/signature-v4'] },
  'sinks/': { ...stage, packages: ['jsonc-parser', 'valibot'] },
  'sinks/place/': sinks(),
  'sinks/write/': sinks('place/'),
  'sinks/acting/': { ...sinks('place/', 'write/'), packages: ['valibot'] },
  'sinks/formats/': { paths: ['core/', 'sinks/contract.ts'], packages: ['jsonc-parser'], pure: true },
  'host/': { ...stage, packages: ['valibot'] },
  'notify/': { paths: [...stage.paths, 'host/'], packages: ['valibot'] },
  'doctor/': { paths: [...below, 'lockdown/', 'rotation/', 'report/', 'agent/'] },
  'doctor/judge/': { paths: ['core/', 'doctor/contract.ts'], pure: true },
  'lockdown/': { paths: [...stage.paths, 'host/'] },
  'simulator/': stage,
  'system/': { paths: ['core/', 'paths/'], packages: ['croner', 'undici', 'winston', 'write-file-atomic'] },
  'rotation/': { paths: [...stage.paths, 'source/', 'sinks/', 'notify/'], packages: ['valibot'] },
  'report/': { paths: ['core/', 'rotation/'], packages: ['valibot'] },
  'explain/': {
    paths: ['core/', 'report/text.ts'],
    data: ['packaging/explanations.json', 'packaging/findings.json'],
  },
  'harden/': { paths: ['core/', 'paths/'] },
  'agent/': { paths: [...below, 'rotation/', 'report/'], packages: ['valibot'] },
  'cli/': {
    paths: [...below, 'rotation/', 'report/', 'agent/', 'lockdown/', 'doctor/', 'explain/', 'harden/', 'simulator/'],
    packages: ['commander'],
    data: ['packaging/schema/credrotate.schema.json'],
  },
};

const computation = '(assert|buffer|crypto|path|url|util)$';

const rules: readonly IForbiddenRuleType[] = [
  ...Object.entries(layers).map(([path, layer]) => layerRule(path, layer)),
  {
    name: 'main.ts may import all of src/, and package.json for the version; so may main/',
    from: { path: '^src/main(\\.ts$|/)' },
    to: { pathNot: '^(src/|package\\.json$)', couldNotResolve: false, dependencyTypesNot: ['core'] },
  },
  {
    name: 'a file of src/ belongs to a folder with a rule',
    from: { path: '^src/', pathNot: `^src/(main\\.ts$|main/|${Object.keys(layers).join('|')})` },
    to: {},
  },
  {
    name: 'report/ may import only types of rotation/',
    from: { path: '^src/report/' },
    to: { path: '^src/rotation/', dependencyTypesNot: ['type-only', 'type-import'] },
  },
  { name: 'an import leads to a file', from: {}, to: { couldNotResolve: true } },
  { name: 'imports make no cycle', from: {}, to: { circular: true } },
];

function layerRule(path: string, { paths, packages = [], data = [], pure }: Layer): IForbiddenRuleType {
  const own = `src/(${[path, ...paths].join('|')})`;
  const foreign = `node_modules/(${packages.join('|')})/`;
  const allowed = `^(${[own, ...data, ...(packages.length > 0 ? [foreign] : []), ...(pure ? [computation] : [])].join('|')})`;
  const names = [...paths, ...packages, ...data].join(', ') || 'nothing';
  return {
    name: `${path} may import ${names} beside ${pure ? 'itself, purely' : 'itself and Node'}`,
    from: { path: `^src/${path}` },
    to: { pathNot: allowed, couldNotResolve: false, ...(pure ? {} : { dependencyTypesNot: ['core'] }) },
  };
}

/** What is wrong with the imports of the tree `root`/src, a line each. A file that was not read is a problem too. */
export async function importProblems(root: string): Promise<string[]> {
  const { modules, summary } = await readModules(root);
  const read = new Set(modules.map((module) => module.source));
  const files = globSync('src/**/*.ts', { cwd: root });
  if (files.length === 0) return [`${root}/src: no modules`];
  return [
    ...files.filter((file) => !read.has(file)).map((file) => `${file}: was not read`),
    ...summary.violations.map(describe),
  ];
}

async function readModules(root: string): Promise<ICruiseResult> {
  const { output } = await cruise(
    ['src'],
    {
      baseDir: root,
      validate: true,
      ruleSet: { forbidden: rules.map((rule) => ({ ...rule, severity: 'error' })) },
      parser: 'tsc',
      tsPreCompilationDeps: 'specify',
      doNotFollow: '^node_modules',
      // It looks some of them up with their prefix and others without.
      builtInModules: { override: builtinModules.flatMap((name) => [name, name.replace(/^node:/, '')]), add: [] },
    },
    { conditionNames: ['import', 'require', 'node', 'default'], exportsFields: ['exports'] },
  );
  if (typeof output === 'string') throw new Error('dependency-cruiser: expected a result, got text');
  return output;
}

function describe({ from, to, rule, cycle }: IViolation): string {
  const chain = cycle === undefined ? [to] : cycle.map((step) => step.name);
  return `${[from, ...chain].join(' -> ')}: ${rule.name}`;
}
