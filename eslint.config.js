import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig(
  { ignores: ["dist/", "build/", "**/*.js", "**/*.mjs"] },
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "no-console": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreVoidOperator: true, ignoreVoidReturningFunctions: true }],
      "@typescript-eslint/no-meaningless-void-operator": "off",
    },
  },
  {
    // The library never prints, prompts or exits, and reads no arguments, environment or standard input.
    files: ["src/lib/**/*.ts"],
    ignores: ["src/lib/terminal/**"],
    rules: {
      "no-restricted-properties": ["error", ...["argv", "exit", "exitCode", "env", "stdin", "stdout", "stderr"].map((property) => ({ object: "process", property }))],
    },
  },
  {
    // Assertions of the test runner return promises that need no waiting for.
    files: ["test/**/*.ts"],
    rules: { "@typescript-eslint/no-floating-promises": "off", "@typescript-eslint/no-non-null-assertion": "off" },
  },
);
