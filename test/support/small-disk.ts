import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { Test } from "tap";

/**
 * Mounts a small file system for the length of a test.
 *
 * @param size - as mount(8) takes it for a tmpfs
 * @returns whether it could; where not, the test says why and has nothing to do
 */
export function mountSmallDisk(t: Test, directory: string, size = "16k"): boolean {
  if (spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", directory]).status === 0) {
    // A database may let go of its file only when the garbage collector comes by.
    t.teardown(() => void spawnSync("umount", ["-l", directory]));
    return true;
  }
  t.pass("a file system of its own", { skip: "mounting one needs rights that are not here; a limit on the size of files stands in for it in other tests" });
  return false;
}

/** Leaves no room on it, by a file `filler`. */
export function fillDisk(directory: string): void {
  spawnSync("dd", ["if=/dev/zero", `of=${join(directory, "filler")}`]);
}
