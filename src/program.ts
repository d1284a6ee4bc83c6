import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
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

/** @param compiled - V8's compiled code of it, as `openCompiled` gives it */
export function parseProgram(path: string, text: string, compiled?: Buffer): Script {
  return new Script(text, { filename: path, cachedData: compiled });
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
  const text = readFileSync(path, "utf8");
  return runProgram(path, parseProgram(path, text, readCompiled(path, text)), require);
}

/** @returns nothing where it is not there for this Node, or cannot be used: the program itself will do */
function readCompiled(path: string, text: string): Buffer | undefined {
  try {
    return openCompiled(text, readFileSync(compiledPath(path)));
  } catch {
    return undefined;
  }
}

const DIGEST_LENGTH = 32;

/** What is kept of compiled code: a digest of it and of the text that it is of, and itself. */
export function sealCompiled(text: string, compiled: Buffer): Buffer {
  return Buffer.concat([digest(text, compiled), compiled]);
}

/**
 * V8 takes what is damaged, and what is of another text of the same length; it
 * then crashes, or does something else.
 *
 * @returns nothing where it is not of this text, and whole
 */
export function openCompiled(text: string, sealed: Buffer): Buffer | undefined {
  const compiled = sealed.subarray(DIGEST_LENGTH);
  return sealed.length > DIGEST_LENGTH && digest(text, compiled).equals(sealed.subarray(0, DIGEST_LENGTH)) ? compiled : undefined;
}

function digest(text: string, compiled: Buffer): Buffer {
  return createHash("sha256").update(text).update(compiled).digest();
}
