// The start of the program. What commands run is in other files, as reading a
// file takes longer than most commands, and each command is to read its own.

/** Each file reads the whole line, reports its errors, and gives the exit status. */
interface Program {
  readonly run: (argv: readonly string[]) => Promise<number>;
}

/** By the words with which a line begins, two or one. */
const PROGRAMS: ReadonlyMap<string, () => Promise<Program>> = new Map([
  ["ctap make-credential", () => import("./ctap.ts")],
  ["ctap get-assertion", () => import("./ctap.ts")],
  ["ctap", () => import("./full.ts")],
  ["invite create", () => import("./invite.ts")],
  ["invite accept", () => import("./invite.ts")],
  ["invite", () => import("./full.ts")],
]);

const argv = process.argv.slice(2);
const [first = "", second = ""] = argv;
const load = PROGRAMS.get(`${first} ${second}`) ?? PROGRAMS.get(first) ?? (() => import("./fast.ts"));

void load()
  .then(({ run }) => run(argv))
  // All has been written by then, and Node takes a while to free what it holds.
  .then((status) => process.exit(status));
