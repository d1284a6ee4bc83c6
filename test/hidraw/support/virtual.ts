import type { TestContext } from "node:test";
import { startKeyhole, type Outcome } from "./programs.ts";

/** A `keyhole ctap virtual --uhid` that runs. */
export interface Virtual {
  /** `/dev/hidraw0`. */
  readonly node: string;
  /** Takes the card away. */
  readonly unplug: () => Promise<Outcome>;
}

/** Plugs a software authenticator in, up to the end of the test. */
export async function plugIn(t: TestContext, ...words: readonly string[]): Promise<Virtual> {
  const program = startKeyhole(["ctap", "virtual", "--uhid", ...words]);
  t.after(() => program.end("SIGTERM"));
  const [node] = await program.says(/\/dev\/hidraw[0-9]+/);
  return { node, unplug: () => program.end("SIGTERM") };
}
