// Builds dist/: the library by tsc, and the programs by esbuild, each as one
// CommonJS file, because Node starts that soonest.
import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, "src");
const output = join(root, "dist");
const { resolve: resolvePackage } = createRequire(import.meta.url);

rmSync(output, { recursive: true, force: true });
execFileSync(process.execPath, [resolvePackage("typescript/bin/tsc"), "-p", join(root, "tsconfig.build.json")], { stdio: "inherit" });

// ctap.ts leaves to full.ts what these are wanted for.
const isApartFromCtap = (name) => name === "commands/ctap/trace-file.ts" || name === "lib/ctap/authenticator/virtual.ts";

// The same for invite.ts.
const isApartFromInvite = (name) => name.startsWith("lib/wormhole/server/") || name === "lib/terminal/qr.ts";

/** Reached from main.cjs, and from each other, by `require`: import() alone takes 10 ms. */
const PROGRAMS = {
  fast: [lateImports(() => true)],
  ctap: [lateImports(isApartFromCtap)],
  invite: [lateImports(isApartFromInvite)],
  // yargs is an ES module and can be in none of them.
  full: [lateImports((name) => name === "commands/help.ts")],
};
const isProgram = (name) => Object.hasOwn(PROGRAMS, name.replace(/\.ts$/, ""));

const nameOf = (directory, path) => relative(source, resolve(directory, path)).replaceAll(sep, "/");

/**
 * What is imported late stays in the program, and runs when it is first wanted.
 *
 * @param isApart - which of it is left with the ES modules of tsc, as it is rarely wanted
 */
function lateImports(isApart) {
  return {
    name: "late-imports",
    setup(plugin) {
      plugin.onResolve({ filter: /^\./ }, ({ kind, path, resolveDir, namespace }) => {
        if (namespace === "required") return { external: true, path };
        if (kind !== "dynamic-import") return undefined;
        const name = nameOf(resolveDir, path);
        if (isProgram(name)) return { namespace: "required", path: `./${name.replace(/\.ts$/, ".cjs")}` };
        return isApart(name) ? { external: true, path: `./${name.replace(/\.ts$/, ".js")}` } : undefined;
      });
      plugin.onLoad({ filter: /.*/, namespace: "required" }, ({ path }) => ({ contents: `module.exports = require(${JSON.stringify(path)})`, loader: "js" }));
    },
  };
}

/**
 * cbor-x without `eval`, from its ES modules, of which only what is used is read
 * at each start. Its own such file has `new` of something undefined instead: for
 * the message of that error V8 reads the whole program again, which takes 5 ms.
 */
const cborWithoutEval = {
  name: "cbor-without-eval",
  setup(plugin) {
    const path = join(dirname(resolvePackage("cbor-x/package.json")), "index.js");
    plugin.onResolve({ filter: /^cbor-x\/index-no-eval$/ }, () => ({ path }));
    plugin.onLoad({ filter: /[\\/]cbor-x[\\/]decode\.js$/ }, ({ path }) => ({ contents: readFileSync(path, "utf8").replaceAll("new Function", "new NoFunction") }));
  },
};

function bundle(name, plugins, banner = "") {
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
    plugins: [...plugins, cborWithoutEval],
  });
}

await bundle("main", [lateImports(() => false)], "#!/usr/bin/env node");
for (const [name, plugins] of Object.entries(PROGRAMS)) await bundle(name, plugins);
chmodSync(join(output, "main.cjs"), 0o755);
