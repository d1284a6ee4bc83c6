import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { runInNewContext } from "node:vm";
import { build } from "esbuild";
import t from "tap";
import { VERSION } from "../../src/version.ts";
import { protocol } from "../support/glome-vectors.ts";
import { temporaryDirectory } from "../support/keyhole.ts";

interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly files: readonly string[];
}

const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;

t.equal(VERSION, manifest.version, "the version is the package's");

t.test("what the package exports is built, with its types", (t) => {
  for (const [name, target] of Object.entries(manifest.exports)) {
    const paths = typeof target === "string" ? [target] : Object.values(target);
    for (const path of paths) t.ok(existsSync(path), `${name}: ${path}`);
    if (typeof target !== "string") t.same(Object.keys(target), ["types", "default"], `${name}: types stand first, where tsc finds them`);
  }
  for (const path of Object.values(manifest.bin)) t.ok(existsSync(path), path);
  const packed = (path: string): boolean => manifest.files.some((file) => path.startsWith(`./${file}/`) || path.startsWith(`${file}/`));
  t.ok([...Object.values(manifest.exports), ...Object.values(manifest.bin)].flatMap((target) => (typeof target === "string" ? [target] : Object.values(target))).every((path) => packed(path) || path === "./package.json"), "and packed");
  t.end();
});

const [vector] = protocol.spec_vectors as [(typeof protocol.spec_vectors)[number]];

/** Makes a tag as one party and checks it as the other, with either build of the library. */
const USE = `
  type IsAny<T> = 0 extends 1 & T ? true : false; // what tsc makes of a type that it does not find
  const fromHex = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
  const alice = new PrivateKey(fromHex("${vector.alice_private_key_hex}"), primitives);
  const bob = new PrivateKey(fromHex("${vector.bob_private_key_hex}"), primitives);
  const message = new TextEncoder().encode("${vector.message_ascii}");
  const tag = alice.exchange(bob.publicKey).tag(message);
  const isMatch: boolean = matchesTag(parseTagPrefix("${vector.tag_base64url}", 10), bob.exchange(alice.publicKey).expectedTag(message));
  const request: Request = parseChallengeText("GLOME: v2/R4cvQ1u4uJ0OOtYqouURB07hleHDnvaogAFBi-ZW48N2/h%C3%A9st/reboot/").request;
  const typed: [IsAny<typeof alice>, IsAny<typeof tag>, IsAny<typeof primitives>, IsAny<typeof request>] = [false, false, false, false];
  const result: string = [typed.length, tag.length, isMatch, encodePublicKey(alice.publicKey), request.host, escapeForTerminal("\\u202e")].join();
`;
const EXPECTED = ["4", "32", "true", vector.alice_public_key_line, "hést", "\\u{202e}"].join();

const IMPORTS = "PrivateKey, encodePublicKey, escapeForTerminal, matchesTag, parseChallengeText, parseTagPrefix, type Request";
const CONSUMERS: Readonly<Record<string, string>> = {
  "node.mts": `import { ${IMPORTS}, nodePrimitives as primitives } from "keyhole/glome"; ${USE} console.log(result);`,
  "whole.mts": `import { glome, KeyholeError } from "keyhole";
    import type { glome as types } from "keyhole";
    type Request = types.Request;
    const { PrivateKey, encodePublicKey, escapeForTerminal, matchesTag, parseChallengeText, parseTagPrefix, nodePrimitives: primitives } = glome; ${USE}
    try { glome.parseChallengeText(""); } catch (error) { console.log(error instanceof KeyholeError && error.code); }
    console.log(result);`,
  "portable.mts": `import { ${IMPORTS}, noblePrimitives as primitives } from "keyhole/glome/portable"; ${USE} Object.assign(globalThis, { result });`,
};

const require = createRequire(resolve("package.json"));

t.test("a program that depends on the package", async (t) => {
  const directory = temporaryDirectory(t);
  mkdirSync(join(directory, "node_modules"));
  symlinkSync(resolve("."), join(directory, "node_modules/keyhole"));
  for (const [name, text] of Object.entries(CONSUMERS)) writeFileSync(join(directory, name), text);
  const compilerOptions = { target: "es2022", lib: ["es2022"], module: "nodenext", strict: true, exactOptionalPropertyTypes: true, preserveSymlinks: true, skipLibCheck: true, types: [] };
  // Of what every platform has, so that a browser's program compiles too.
  writeFileSync(join(directory, "globals.d.ts"), "declare class TextEncoder { encode(text: string): Uint8Array; } declare const console: { log(...values: unknown[]): void };");
  writeFileSync(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.mts", "globals.d.ts"] }));

  const { status, stdout } = spawnSync(process.execPath, [require.resolve("typescript/bin/tsc"), "-p", directory], { encoding: "utf8" });
  // Without the check of libraries, which takes seconds, valibot's above all.
  t.same({ status, stdout }, { status: 0, stdout: "" }, "compiles, with the types of the package and no others");

  const run = (name: string): string => execFileSync(process.execPath, [join(directory, name)], { encoding: "utf8" });
  t.equal(run("node.mjs"), `${EXPECTED}\n`, "keyhole/glome");
  t.equal(run("whole.mjs"), `CHALLENGE_EMPTY\n${EXPECTED}\n`, "keyhole");

  const { outputFiles } = await build({ entryPoints: [join(directory, "portable.mjs")], bundle: true, platform: "browser", format: "iife", write: false, logLevel: "silent" });
  const platform = { TextEncoder, TextDecoder, atob, btoa, result: undefined };
  runInNewContext(outputFiles[0]!.text, platform);
  t.equal(platform.result, EXPECTED, "keyhole/glome/portable, where there is no Node");
});

/** What a module of dist/ and all that it imports there take from elsewhere. */
async function importedBy(entry: string): Promise<readonly string[]> {
  const { metafile } = await build({ entryPoints: [entry], bundle: true, packages: "external", platform: "neutral", format: "esm", write: false, metafile: true, logLevel: "silent", outdir: "." });
  const imports = Object.values(metafile.inputs).flatMap(({ imports }) => imports);
  return [...new Set(imports.filter(({ external }) => external === true).map(({ path }) => path))].sort();
}

t.test("the portable build stands on nothing of Node, and each build on what is declared", async (t) => {
  const portable = await importedBy("dist/lib/glome/portable.js");
  t.same(portable, ["@noble/curves/ed25519.js", "@noble/hashes/hmac.js", "@noble/hashes/sha2.js", "valibot"]);
  const whole = await importedBy("dist/lib/index.js");
  t.ok(whole.includes("node:crypto"));
  const nameOf = (specifier: string): string => specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  const undeclared = [...portable, ...whole].filter((specifier) => !isBuiltin(specifier) && !(nameOf(specifier) in manifest.dependencies));
  t.same(undeclared, []);
});

t.test("the package finds itself by its name", async (t) => {
  for (const name of ["keyhole", "keyhole/glome", "keyhole/glome/portable"]) {
    const target = manifest.exports[name.replace("keyhole", ".")] as Readonly<Record<string, string>>;
    t.equal(pathToFileURL(require.resolve(name)).href, pathToFileURL(resolve(target.default!)).href, name);
    const module = (await import(require.resolve(name))) as object;
    t.ok(Object.keys(module).length > 1);
  }
  t.throws(() => require.resolve("keyhole/dist/lib/lock.js"), { code: "ERR_PACKAGE_PATH_NOT_EXPORTED" }, "and nothing else of it is for others");
});
