import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { Test } from "tap";

/**
 * Mounts a file system of 16 KiB for the length of a test.
 *
 * @returns whether it could; where not, the test says why and has nothing to do
 */
export function mountSmallDisk(t: Test, directory: string): boolean {
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=16k", "tmpfs", directory]).status === 0) {
    t.teardown(() => void spawnSync("umount", [directory]));
    return true;
  }
  t.pass("a file system of its own", { skip: "mounting one needs rights that are not here; a limit on the size of files stands in for it in other tests" });
  return false;
}

/** Leaves no room on it, by a file `filler`. */
export function fillDisk(directory: string): void {
  spawnSync("dd", ["if=/dev/zero", `of=${join(directory, "filler")}`]);
}
