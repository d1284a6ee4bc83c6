// Builds dist/: the library by tsc, and the programs by esbuild, each as one
// CommonJS file, because Node starts that soonest, and some with V8's compiled code.
import { build } from "esbuild";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, "src");
const output = join(root, "dist");
const { resolve: resolvePackage } = createRequire(import.meta.url);

/** For a line or two of each program. */
const COMPILE_MS = 60_000;

rmSync(output, { recursive: true, force: true });
execFileSync(process.execPath, [resolvePackage("typescript/bin/tsc"), "-p", join(root, "tsconfig.build.json")], { stdio: "inherit" });

/**
 * Each is reached from main.cjs, and from each other, by `require`: import() alone
 * takes 10 ms. Where V8's compiled code is kept, there can be no import() at
 * all, as Node has no way to carry it out there.
 *
 * @property isApart - which of what is imported late is left with the ES modules of tsc, as it is rarely wanted
 * @property isLeft - which of it is never reached, as such lines are left to another program; compiled code is kept of those that say so
 */
const PROGRAMS = {
  fast: { isApart: () => true },
  ctap: { isLeft: (name) => name === "commands/ctap/trace-file.ts" || name === "lib/ctap/authenticator/virtual.ts" },
  invite: { isLeft: (name) => name.startsWith("lib/wormhole/server/") || name === "lib/terminal/qr.ts" },
  full: { isLeft: () => false },
  help: { isApart: () => true },
};
const isCompiled = (program) => PROGRAMS[program]?.isLeft !== undefined;
const programOf = (name) => Object.keys(PROGRAMS).find((program) => name === `${program}.ts`);

const nameOf = (directory, path) => relative(source, resolve(directory, path)).replaceAll(sep, "/");

/** What is imported late stays in the program, and runs when it is first wanted. */
function lateImports({ isApart = () => false, isLeft = () => false }) {
  return {
    name: "late-imports",
    setup(plugin) {
      plugin.onResolve({ filter: /^\./ }, ({ kind, path, resolveDir, namespace }) => {
        if (namespace === "program") return { external: true, path };
        if (kind !== "dynamic-import") return undefined;
        const name = nameOf(resolveDir, path);
        const program = programOf(name);
        if (program !== undefined) return { namespace: isCompiled(program) ? "compiled-program" : "program", path: `./${program}.cjs` };
        if (isLeft(name)) return { namespace: "left", path: name };
        return isApart(name) ? { external: true, path: `./${name.replace(/\.ts$/, ".js")}` } : undefined;
      });
      const contents = (text) => ({ contents: text, loader: "js", resolveDir: source });
      plugin.onLoad({ filter: /.*/, namespace: "program" }, ({ path }) => contents(`module.exports = require(${JSON.stringify(path)})`));
      plugin.onLoad({ filter: /.*/, namespace: "compiled-program" }, ({ path }) =>
        contents(`module.exports = require("./program.ts").requireProgram(require("node:path").join(__dirname, ${JSON.stringify(path)}), require)`),
      );
      plugin.onLoad({ filter: /.*/, namespace: "left" }, ({ path }) => contents(`throw new Error(${JSON.stringify(`${path} is left to another program`)})`));
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

/** As Node wraps a CommonJS file. */
const WRAPPER = { banner: "(function (exports, require, module, __filename, __dirname) {", footer: "})" };

function bundle(name, imports, { banner = "", footer = "" } = {}) {
  return build({
    entryPoints: [join(source, `${name}.ts`)],
    outfile: join(output, `${name}.cjs`),
    bundle: true,
    platform: "node",
    target: "node20.19",
    format: "cjs",
    banner: { js: banner },
    footer: { js: footer },
    legalComments: "inline",
    // Less to read at every start; names stay, for stack traces.
    minifySyntax: true,
    minifyWhitespace: true,
    external: ["node-hid", "libsql", "kysely", "pg"],
    supported: { "dynamic-import": !isCompiled(name) },
    plugins: [lateImports(imports), cborWithoutEval],
  });
}

/** Without compiled code a program starts slower, and is the same otherwise. */
function compile(name) {
  // Options of Node's that somebody has set would be those of the compiled code.
  const env = { ...process.env, NODE_OPTIONS: "" };
  const { status, stderr } = spawnSync(process.execPath, [join(root, "scripts/compile-program.mjs"), name], { encoding: "utf8", timeout: COMPILE_MS, env });
  if (status !== 0) console.error(`warning: dist/${name}.cjs has no compiled code: ${stderr}`);
}

await bundle("main", {}, { banner: "#!/usr/bin/env node" });
for (const [name, imports] of Object.entries(PROGRAMS)) await bundle(name, imports, isCompiled(name) ? WRAPPER : {});
chmodSync(join(output, "main.cjs"), 0o755);
for (const name of Object.keys(PROGRAMS).filter(isCompiled)) compile(name);
