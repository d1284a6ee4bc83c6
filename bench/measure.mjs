// Ways to measure that hold on a busy machine: every figure is a ratio of two
// things measured in turn in one run.
import { spawn, spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";

const POLL_MS = 20;

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @returns wall-clock milliseconds of a whole process, its output thrown away */
export function timeProcess(words, input) {
  const begin = process.hrtime.bigint();
  const { status, stderr } = spawnSync(process.execPath, words, { input: input ?? "", stdio: ["pipe", "ignore", "pipe"] });
  const end = process.hrtime.bigint();
  if (status !== 0) throw new Error(`${words.join(" ")} ended with ${status}: ${stderr}`);
  return Number(end - begin) / 1e6;
}

/** One Node process against another, pair by pair. @returns medians: the ratio, and milliseconds of both */
export function compareProcesses(words, otherWords, { runs, input }) {
  timeProcess(words, input);
  const pairs = Array.from({ length: runs }, () => [timeProcess(words, input), timeProcess(otherWords)]);
  return {
    ratio: median(pairs.map(([one, other]) => one / other)),
    ms: median(pairs.map(([one]) => one)),
    otherMs: median(pairs.map(([, other]) => other)),
  };
}

/**
 * Runs a Node program with a file as its input.
 *
 * @returns processor seconds of all its threads, wall-clock seconds, and the most memory it held, in bytes
 */
export async function runOverFile(words, inputPath) {
  const input = openSync(inputPath, "r");
  const begin = process.hrtime.bigint();
  const child = spawn(process.execPath, words, { stdio: [input, "ignore", "inherit"] });
  closeSync(input);
  const last = { peak: 0, cpu: 0 };
  const poll = setInterval(() => Object.assign(last, usage(child.pid) ?? {}), POLL_MS);
  const status = await new Promise((resolve) => child.on("exit", resolve));
  clearInterval(poll);
  if (status !== 0) throw new Error(`${words.join(" ")} ended with ${status}`);
  return { ...last, wall: Number(process.hrtime.bigint() - begin) / 1e9 };
}

const TICKS_PER_SECOND = 100; // Linux gives user programs no other

/** What a running process has used. Source: proc(5). */
function usage(pid) {
  try {
    const peak = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
    return { peak, cpu: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND };
  } catch {
    return undefined; // it has ended, and memory is the first thing that it gives back
  }
}
