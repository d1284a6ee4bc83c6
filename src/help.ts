/**
 * The help of a command, of a group of them, or of all.
 *
 * @param name - "" for all
 */
export async function help(name: string): Promise<string> {
  // yargs is an ES module that no CommonJS file can hold, and takes longer to load than most commands to run.
  const { helpFor } = await import("./commands/help.ts");
  return helpFor(name);
}
