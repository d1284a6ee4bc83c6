import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { KEYHOLE } from "./keyhole.ts";

// Examples in documents are run, so that they stay true. A block of them reads
// like a terminal:
//
//     $ keyhole genkey --format pem |
//     > tee k
//     -----BEGIN PRIVATE KEY-----
//     …
//     $ keyhole verify -k k -p k.pub -t AAAAAAAAAA <message; echo $?
//     tag does not match the message
//     1
//
// A line that begins with `$ ` is a command. It goes on in lines that begin
// with `> `, and in the line after one that ends in a backslash. What follows
// is what a user sees: standard output and standard error in one. In it, `…`
// stands for any run of characters within a line, and a line of `…` alone for
// one or more lines. Empty lines at the end do not count. The exit status is
// 0, unless the command shows it by `; echo $?`.
//
// The examples of one document run in order, in one shell and one empty
// directory that is also the home directory, with nothing on standard input.
// A line that begins with `# ` is a comment, or a command for the
// administrator of some machine: it is not run, nor is anything up to the next
// `$ ` line.

export interface Example {
  readonly command: string;
  readonly output: readonly string[];
}

export interface ExampleOutcome {
  /** Nothing where the shell was over before. */
  readonly status: number | undefined;
  readonly output: readonly string[];
}

/** Longer than all examples of a document take on a busy machine. */
const TIMEOUT_MS = 120_000;

/** Ends the output of an example. */
const MARK = "--- end of example, status";

/** The fenced blocks of a Markdown text that are marked `console`. */
export function consoleBlocks(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^```console\n(.*?)^```$/gms)].map(([, block = ""]) => block);
}

/** @throws for a block that does not begin with `$ ` or `# ` */
export function parseExamples(block: string): readonly Example[] {
  const examples: { command: string; output: string[] }[] = [];
  let current: { command: string; output: string[] } | undefined;
  let isCommand = false;
  for (const line of block.split("\n")) {
    if (isCommand && (line.startsWith("> ") || current?.command.endsWith("\\") === true)) {
      if (current !== undefined) current.command += `\n${line.replace(/^> /, "")}`;
    } else if (line.startsWith("$ ")) {
      current = { command: line.slice(2), output: [] };
      examples.push(current);
      isCommand = true;
    } else if (line.startsWith("# ")) {
      current = { command: "", output: [] };
      isCommand = false;
    } else {
      if (current === undefined && line !== "") throw new Error(`block of examples begins with neither "$ " nor "# ": ${line}`);
      current?.output.push(line);
      isCommand = false;
    }
  }
  return examples.map(({ command, output }) => ({ command, output: withoutLastEmpty(output) }));
}

/** @returns an outcome for each example */
export function runExamples(examples: readonly Example[]): readonly ExampleOutcome[] {
  const directory = mkdtempSync(join(tmpdir(), "keyhole-examples-"));
  try {
    const [home, bin, script] = [join(directory, "home"), join(directory, "bin"), join(directory, "script")];
    mkdirSync(home);
    mkdirSync(bin);
    symlinkSync(KEYHOLE, join(bin, "keyhole"));
    writeFileSync(script, ["exec 2>&1", ...examples.map(({ command }) => `${command}\nprintf '\\n${MARK} %s\\n' $?`), ""].join("\n"));
    const path = [bin, dirname(process.execPath), process.env.PATH ?? ""].join(delimiter);
    // By env(1), as the test runner puts itself into the environment of every process.
    const { stdout, error } = spawnSync("env", ["-i", `PATH=${path}`, `HOME=${home}`, "sh", script], {
      cwd: home,
      encoding: "utf8",
      timeout: TIMEOUT_MS,
      stdio: ["ignore", "pipe", "pipe"],
    });
    if (error !== undefined) throw error;
    return cutOutput(stdout, examples.length);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function cutOutput(stdout: string, count: number): readonly ExampleOutcome[] {
  const parts = stdout.split(new RegExp(`^${MARK} ([0-9]+)\n`, "m"));
  return Array.from({ length: count }, (_, i) => {
    const status = parts[2 * i + 1];
    return { status: status === undefined ? undefined : Number(status), output: withoutLastEmpty((parts[2 * i] ?? "").split("\n")) };
  });
}

/** @returns what is wrong, or nothing */
export function describeMismatch(example: Example, { status, output }: ExampleOutcome): string | undefined {
  const shown = output.map((line) => `\n  ${line}`).join("");
  if (status === undefined) return `the shell was over before the end of this command; its output:${shown}`;
  if (status !== 0) return `exit status ${status}, expected 0; its output:${shown}`;
  if (matchesOutput(example.output, output)) return undefined;
  return `expected:${example.output.map((line) => `\n  ${line}`).join("")}\nfound:${shown}`;
}

function matchesOutput(expected: readonly string[], found: readonly string[]): boolean {
  const pattern = expected.map((line) => (line === "…" ? "(?:.*\n)+" : `${line.split("…").map(escapeRegExp).join(".*")}\n`)).join("");
  return new RegExp(`^${pattern}$`).test(found.map((line) => `${line}\n`).join(""));
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

function withoutLastEmpty(lines: readonly string[]): readonly string[] {
  return lines.slice(0, lines.findLastIndex((line) => line !== "") + 1);
}
