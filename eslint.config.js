import { builtinModules } from 'node:module';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const exitMessage = 'Return an exit code: only main.ts sets it, and ends the process when all that was said has left.';

const restrictedImports = {
  paths: [
    ...builtinModules
      .filter((name) => !name.startsWith('node:'))
      .map((name) => ({ name, message: `Write node:${name}: it cannot be taken for a package.` })),
    { name: 'node:process', message: 'Use the global process, whose members the other rules watch.' },
  ],
};

/** All that node:fs does with what is open already. */
const byDescriptor = [
  ...['closeSync', 'constants', 'fchmodSync', 'fchownSync', 'fstatSync', 'fsync', 'readSync', 'writeSync'],
  ...['BigIntStats', 'Stats'],
];

const byPath = 'By its path a file can be any other: open it with paths/policies.ts, read and write it with files/.';

/** Where paths are none that a configuration, the environment or a user gives; else paths/ is the one authority. */
const namedByUs = {
  'src/cli/demo.ts': 'a temporary directory of its own',
  'src/cli/exec.ts': 'the program that the caller names, with the rights of the caller',
  'src/doctor/look/*.ts': '/proc and /sys',
  'src/agent/facts.ts': '/proc',
  'src/cli/obtain.ts': 'what the caller may reach, with the rights of the caller',
  'src/harden/sandbox.ts': 'the drop-ins that we wrote',
  'src/cli/simulate.ts': 'what the caller names, with the rights of the caller',
  'src/config/load.ts': 'names in conf.d, each of which is opened by paths/',
  'src/host/*.ts': '/etc/passwd, /etc/group, programs below /usr',
  'src/lockdown/preflight.ts': '/proc',
  'src/notify/*.ts': '/proc',
  'src/sinks/write/work.ts': '/proc',
  'src/source/json-sink.ts': 'what the caller names, with the rights of the caller',
};

export default defineConfig(
  globalIgnores(['dist/']),
  {
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['*.js'] } } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      complexity: ['error', 12],
      eqeqeq: 'error',
      'max-depth': ['error', 3],
      'max-lines': ['error', 350],
      'max-params': ['error', 4],
      'no-console': 'error',
      'no-restricted-imports': ['error', restrictedImports],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      // node:test waits for its own promises.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['describe', 'it', 'suite', 'test'], package: 'node:test' },
          ],
        },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
      // An empty string, of an environment variable say, is as good as none.
      '@typescript-eslint/prefer-nullish-coalescing': ['error', { ignorePrimitives: { string: true } }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    files: ['src/**'],
    rules: {
      'max-lines-per-function': ['error', 40],
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'exit', message: exitMessage },
        { object: 'process', property: 'exitCode', message: exitMessage },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'MetaProperty[meta.name="import"]',
          message: 'The product is bundled as CommonJS: no import.meta.',
        },
      ],
    },
  },
  {
    files: ['src/main.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: ['src/**'],
    ignores: ['src/{paths,files,system}/**', ...Object.keys(namedByUs)],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [
            ...restrictedImports.paths,
            { name: 'node:fs', allowImportNames: byDescriptor, message: byPath },
            { name: 'node:fs/promises', message: byPath },
          ],
        },
      ],
    },
  },
  { files: ['src/cli/**', 'scripts/**', 'bench/**'], rules: { 'no-console': 'off' } },
);
