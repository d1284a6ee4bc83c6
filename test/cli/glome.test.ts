import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { ALICE, ALICE_1, BOB, BOB_1, loginV2, protocol, type Party } from "../support/glome-vectors.ts";
import { shell, temporaryDirectory, writeFiles } from "../support/keyhole.ts";

// What a script does that was written for google/glome's `glome`, with only the
// name of the program changed.

for (const [i, [sender, receiver]] of ([[ALICE_1, BOB_1], [BOB, ALICE]] as const satisfies readonly (readonly [Party, Party])[]).entries()) {
  t.test(`a tag goes from one side to the other: protocol vector ${i + 1}`, (t) => {
    const cwd = temporaryDirectory(t);
    const vector = protocol.spec_vectors[i]!;
    writeFiles(cwd, { mine: sender.key, theirs: receiver.key, message: vector.message_ascii });
    const script = `set -eu
      for side in mine theirs; do keyhole pubkey <$side >$side.pub; done
      tag=$(keyhole tag --key mine --peer theirs.pub --counter ${vector.counter} <message)
      keyhole verify -k theirs -p mine.pub -c ${vector.counter} -t "$tag" <message
      echo "$tag"`;
    t.same(shell(script, { cwd }), { status: 0, stdout: `${vector.tag_base64url}\n`, stderr: "" });
    t.equal(readFileSync(join(cwd, "mine.pub"), "utf8"), sender.pub);
    t.equal(readFileSync(join(cwd, "theirs.pub"), "utf8"), receiver.pub);
    t.end();
  });
}

t.test("a login challenge is answered, be the key named by prefix or by index", (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, { key: BOB.key });
  const { challenge, response_tag_base64url } = loginV2.spec_vectors[1]!;
  // 0x47 is the prefix byte of the key; with the top bit set it is an index, 71.
  for (const path of [challenge, challenge.replace("v2/R", "v2/x")]) {
    const { status, stdout } = shell(`set -eu; tag=$(keyhole login --key key "${path}"); echo "$tag"`, { cwd });
    t.same([status, stdout], [0, `${response_tag_base64url}\n`], path);
  }
  t.end();
});

t.test("keys made on the way", (t) => {
  const cwd = temporaryDirectory(t);
  const script = `set -euo pipefail
    keyhole genkey | tee a | keyhole pubkey | tee a.pub
    keyhole genkey | tee b | keyhole pubkey >b.pub
    tag=$(printf hello | keyhole tag -k a -p b.pub)
    printf hello | keyhole verify -k b -p a.pub -t "$tag"
    ! printf 'hello!' | keyhole verify -k b -p a.pub -t "$tag" 2>/dev/null`;
  const { status, stdout } = shell(script, { cwd });
  t.match([status, stdout], [0, /^glome-v1 [A-Za-z0-9_-]{43}=\n$/]);
  t.end();
});
