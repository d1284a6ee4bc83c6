// Builds dist/: the library and the full commands by tsc, and the fast ones as
// one CommonJS file by esbuild, because Node starts that soonest.
import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, "src");
const output = join(root, "dist");
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");

rmSync(output, { recursive: true, force: true });
execFileSync(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json")], { stdio: "inherit" });

// What main.ts imports at run time is what it rarely needs; that stays with tsc's output.
const lateImports = {
  name: "late-imports",
  setup(plugin) {
    plugin.onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
      if (kind !== "dynamic-import") return undefined;
      return { external: true, path: `./${relative(source, resolve(resolveDir, path)).replace(/\.ts$/, ".js")}` };
    });
  },
};

await build({
  entryPoints: [join(source, "main.ts")],
  outfile: join(output, "main.cjs"),
  bundle: true,
  platform: "node",
  target: "node20.19",
  format: "cjs",
  banner: { js: "#!/usr/bin/env node" },
  legalComments: "inline",
  // Less to read at every start; names stay, for stack traces.
  minifySyntax: true,
  minifyWhitespace: true,
  plugins: [lateImports],
});
chmodSync(join(output, "main.cjs"), 0o755);
