import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { Script } from "node:vm";

// Most of what a short command takes is that V8 compiles its code. So the build
// runs a program once and leaves what V8 has made of it beside the file. There
// can be no import() in it: Node 20 does not find what is to carry it out.

/**
 * Where compiled code of a program belongs. V8 refuses that of another version
 * of itself, but does not look at the machine.
 */
export function compiledPath(path: string): string {
  return `${path}.${process.version}-${process.platform}-${process.arch}`;
}

/** A program that is yet to run, with V8's compiled code of it where that is given. */
export function readProgram(path: string, cachedData?: Buffer): Script {
  return new Script(readFileSync(path, "utf8"), { filename: path, cachedData });
}

/**
 * Runs it as Node runs a CommonJS file. In its file it is wrapped as Node wraps
 * one: to do so here would copy all of its text.
 *
 * @param require - of a file in the same directory
 * @returns what it exports
 */
export function runProgram(path: string, program: Script, require: NodeJS.Require): unknown {
  const module = { exports: {} };
  const run = program.runInThisContext() as (...words: readonly unknown[]) => void;
  run.call(module.exports, module.exports, require, module, path, dirname(path));
  return module.exports;
}

/** Requires a program, by its compiled code where there is one. */
export function requireProgram(path: string, require: NodeJS.Require): unknown {
  const compiled = compiledPath(path);
  return runProgram(path, readProgram(path, existsSync(compiled) ? readFileSync(compiled) : undefined), require);
}
