// A lost `await` is the worst bug this product could have, so every file is linted with its types.
import js from '@eslint/js'
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

const noDefaultExport = {
  selector: 'ExportDefaultDeclaration',
  message: 'Export by name: a thing has the same name wherever it is used.',
}
const noExit = {
  selector: "CallExpression[callee.object.name='process'][callee.property.name='exit']",
  message: 'Only src/cli/main.ts ends the process: throw, or set process.exitCode.',
}

export default defineConfig(
  globalIgnores(['dist/', 'coverage/', 'test/fixtures/']),
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `() => emitter.off(...)` is how a one-line cleanup reads best.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // A method may be async because its interface says so.
      '@typescript-eslint/require-await': 'off',
      // noPropertyAccessFromIndexSignature of tsconfig.json wants the brackets.
      '@typescript-eslint/dot-notation': 'off',
      'no-restricted-syntax': ['error', noDefaultExport, noExit],
      'no-console': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  { files: ['src/cli/**', 'bench/**', 'test/support/closing-line.ts'], rules: { 'no-console': 'off' } },
  { files: ['src/cli/main.ts'], rules: { 'no-restricted-syntax': ['error', noDefaultExport] } },
  { files: ['*.config.ts', '**/*.js', '**/*.mjs'], rules: { 'no-restricted-syntax': ['error', noExit] } },
)
