import t from "tap";
import { dialogSuite } from "./support/dialog-suite.ts";
import { GoPeer } from "./support/go-peer.ts";
import { goSkipReason } from "./support/installed.ts";

await t.test("google/glome's Go package glome", { skip: goSkipReason() }, async (t) => {
  const go = new GoPeer();
  t.teardown(() => {
    go.close();
  });
  await dialogSuite(t, go);
});
