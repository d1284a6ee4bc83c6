import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Interrupted, KeyholeError } from "../lib/errors.ts";
import { writeError } from "../lib/files.ts";
import { escapeUnsafe } from "../lib/text.ts";
import type { Arguments } from "./arguments.ts";
import { writeJson, writeResult } from "./io.ts";
import { EXIT_OK } from "./report.ts";

/** Longer than any step takes on the slowest machine. */
const STEP_TIMEOUT_MS = 30_000;

interface Step {
  readonly title: string;
  /** `$CHALLENGE` and `$AUTHCODE` stand for what earlier steps printed. */
  readonly command: string;
  /** File that takes what the step prints. */
  readonly file?: string;
  /** Name under which later steps find what it prints. */
  readonly variable?: string;
}

const STEPS: readonly Step[] = [
  { title: "The operator makes a service key; its number, 1, is how machines name it.", command: "keyhole genkey --out 1-datacenter.key" },
  { title: "Every machine gets the public key.", command: "keyhole pubkey --key 1-datacenter.key", file: "datacenter.pub" },
  {
    title: "A machine has lost its network. On its serial console it makes a challenge.",
    command: "keyhole challenge new --peer datacenter.pub --index 1 --tag-prefix 3 --host rack-7 --host-type serial --action reboot --state attempt",
    variable: "$CHALLENGE",
  },
  { title: "The operator reads it off the console and looks who asks for what.", command: "keyhole login --show $CHALLENGE" },
  { title: "That is as it should be, so the operator makes the authcode and reads it back.", command: "keyhole login --key 1-datacenter.key --length 12 $CHALLENGE", variable: "$AUTHCODE" },
  { title: "The machine checks what was typed, and lets the operator in.", command: "keyhole challenge check --verbose --state attempt -- $AUTHCODE" },
];

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** keyhole demo */
export async function demo(args: Arguments): Promise<number> {
  const directory = makeDirectory();
  const stopped = new AbortController();
  const stop = (): void => void stopped.abort();
  for (const signal of SIGNALS) process.on(signal, stop);
  try {
    const variables = new Map<string, string>();
    const done = [];
    for (const step of STEPS) {
      done.push(runStep(step, directory, variables, args.flag("json")));
      // So that a signal is heard.
      await setImmediate();
      if (stopped.signal.aborted) throw new Interrupted();
    }
    if (args.flag("json")) writeJson({ steps: done });
    else writeResult("\nNothing of this is left behind. README.md says how to install keyhole as a command.\n");
    return EXIT_OK;
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
    rmSync(directory, { recursive: true, force: true });
  }
}

function makeDirectory(): string {
  const prefix = join(tmpdir(), "keyhole-demo-");
  try {
    return mkdtempSync(prefix);
  } catch (error) {
    throw writeError(prefix, "directory", error);
  }
}

function runStep({ title, command, file, variable }: Step, directory: string, variables: Map<string, string>, isSilent: boolean): Record<string, string> {
  const words = command.split(" ").map((word) => variables.get(word) ?? word);
  const shown = `${words.join(" ")}${file === undefined ? "" : ` >${file}`}`;
  if (!isSilent) writeResult(`\n# ${title}\n$ ${shown}\n`);
  const { status, signal, stdout, stderr } = run(words.slice(1), directory);
  if (signal === "SIGINT" || signal === "SIGTERM" || signal === "SIGHUP") throw new Interrupted();
  if (status !== 0) throw new KeyholeError("DEMO", `step ended with status ${status}: ${shown}`, { kind: "outside", hint: stderr.trim().split("\n")[0] ?? "" });
  if (variable !== undefined) variables.set(variable, stdout.trim());
  if (file !== undefined) writeFileSync(join(directory, file), stdout);
  if (!isSilent) writeResult(escapeLines(stderr) + (file === undefined ? escapeLines(stdout) : ""));
  return { title, command: shown, stdout, stderr };
}

function run(words: readonly string[], directory: string): { readonly status: number | null; readonly signal: NodeJS.Signals | null; readonly stdout: string; readonly stderr: string } {
  const [, program = ""] = process.argv;
  // Nothing that this person has configured belongs into the tour.
  const env = { PATH: process.env.PATH, HOME: directory, XDG_CONFIG_HOME: directory };
  return spawnSync(process.execPath, [program, ...words], { cwd: directory, env, encoding: "utf8", timeout: STEP_TIMEOUT_MS, stdio: ["ignore", "pipe", "pipe"] });
}

function escapeLines(text: string): string {
  return text === "" ? "" : `${text.trimEnd().split("\n").map(escapeUnsafe).join("\n")}\n`;
}
