// npm run bench: prints a table and writes build/bench.json. With --quick it
// measures less, for a look; --strict makes a missed limit an error.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { batch } from "./batch.mjs";
import { ctap } from "./ctap.mjs";
import { invite } from "./invite.mjs";
import { startup } from "./startup.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const program = join(root, "dist", "main.cjs");
const isQuick = process.argv.includes("--quick");

const directory = mkdtempSync(join(tmpdir(), "keyhole-bench-"));
// Nothing that this person has configured belongs into the figures.
process.env.XDG_CONFIG_HOME = directory;
let figures;
try {
  figures = [
    ...startup(program, directory, { runs: isQuick ? 9 : 41 }),
    ...(await ctap(program, directory, isQuick ? { runs: 9, rounds: 2, calls: 3000 } : { runs: 41, rounds: 5, calls: 5000 })),
    ...(await invite(program, directory, isQuick ? { runs: 9, slowRuns: 3, rounds: 2, seconds: 4 } : { runs: 31, slowRuns: 9, rounds: 5, seconds: 5 })),
    ...(await batch(program, directory, isQuick ? { lines: 20_000, rounds: 1, memoryLines: 40_000 } : { lines: 120_000, rounds: 3, memoryLines: 240_000 })),
  ];
} finally {
  rmSync(directory, { recursive: true, force: true });
}

const isMet = ({ ratio, limit, isMost }) => (isMost ? ratio <= limit : ratio >= limit);
const width = Math.max(...figures.map(({ name }) => name.length));
for (const figure of figures) {
  const { name, ratio, limit, isMost, detail } = figure;
  console.log(`${name.padEnd(width)}  ${ratio.toFixed(2)}  (${isMost ? "at most" : "at least"} ${limit}${isMet(figure) ? "" : ", MISSED"})  ${detail}`);
}
const report = join(root, "build", "bench.json");
mkdirSync(dirname(report), { recursive: true });
writeFileSync(report, `${JSON.stringify({ node: process.version, cpu: cpus()[0]?.model, cores: cpus().length, figures }, null, 2)}\n`);
console.log(`written to ${report}`);
if (process.argv.includes("--strict") && !figures.every(isMet)) process.exitCode = 1;
