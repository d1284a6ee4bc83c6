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

// What main.ts imports at run time is what it rarely needs: the rest of the
// program is full.cjs, itself one file, in which a module runs when it is first
// wanted. It is required, as import() alone takes 10 ms. yargs is an ES module
// and can be in neither.
const FULL = "full.ts";
const AS_MODULES = new Set(["commands/help.ts"]);

function lateImports(isLate) {
  return {
    name: "late-imports",
    setup(plugin) {
      plugin.onResolve({ filter: /^\./ }, ({ kind, path, resolveDir, namespace }) => {
        if (namespace === "required") return { external: true, path };
        const name = relative(source, resolve(resolveDir, path));
        if (kind !== "dynamic-import" || !isLate(name)) return undefined;
        return name === FULL ? { namespace: "required", path: "./full.cjs" } : { external: true, path: `./${name.replace(/\.ts$/, ".js")}` };
      });
      plugin.onLoad({ filter: /.*/, namespace: "required" }, ({ path }) => ({ contents: `module.exports = require(${JSON.stringify(path)})`, loader: "js" }));
    },
  };
}

function bundle(name, isLate, banner) {
  return build({
    entryPoints: [join(source, `${name}.ts`)],
    outfile: join(output, `${name}.cjs`),
    bundle: true,
    platform: "node",
    target: "node20.19",
    format: "cjs",
    banner: { js: banner },
    legalComments: "inline",
    // Less to read at every start; names stay, for stack traces.
    minifySyntax: true,
    minifyWhitespace: true,
    external: ["node-hid", "libsql", "kysely", "pg"],
    plugins: [lateImports(isLate)],
  });
}

await bundle("main", () => true, "#!/usr/bin/env node");
await bundle("full", (name) => AS_MODULES.has(name), "");
chmodSync(join(output, "main.cjs"), 0o755);
