import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** Words for Node that run a script in which `lib` is a built module of the library. */
export function runModule(module: string, script: string): readonly string[] {
  const url = pathToFileURL(resolve("dist/lib", module)).href;
  return ["--input-type=module", "--eval", `const lib = await import(${JSON.stringify(url)});\n${script}`];
}

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
}

/** Runs such scripts in processes of their own, which wait for each other before they begin. */
export async function startAtOnce(module: string, scripts: readonly string[], cwd: string): Promise<readonly Ended[]> {
  const meeting = mkdtempSync(join(tmpdir(), "keyhole-test-"));
  const go = join(meeting, "go");
  const wait = (i: number): string => `import { existsSync, writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(join(meeting, String(i)))}, ""); while (!existsSync(${JSON.stringify(go)}));`;
  const running = scripts.map((script, i) => startModule(module, `${wait(i)}\n${script}`, cwd));
  while (readdirSync(meeting).length < scripts.length) await new Promise((resolve) => setTimeout(resolve, 10));
  writeFileSync(go, "");
  const results = await Promise.all(running);
  rmSync(meeting, { recursive: true });
  return results;
}

/** Runs such a script in a process of its own. What it writes to standard error is shown. */
export function startModule(module: string, script: string, cwd: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, runModule(module, script), { cwd, stdio: ["ignore", "pipe", "inherit"] });
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.on("error", reject);
    child.on("close", (status, signal) => void resolve({ status, signal, stdout }));
  });
}
