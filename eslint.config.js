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
      'max-lines': ['error', 200],
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
  { files: ['src/cli/**', 'scripts/**', 'bench/**'], rules: { 'no-console': 'off' } },
);
