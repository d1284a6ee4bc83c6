import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { keyhole, temporaryDirectory, type Outcome } from "../support/keyhole.ts";

// What keyhole(1) says under "The command line" is true of both parsers: of
// the fast one, here by `tag`, and of the full one, here by `challenge new`.

const directory = temporaryDirectory(t);

function run(words: readonly string[]): Outcome {
  return keyhole(words, { cwd: directory });
}

run(["genkey", "--out", "k"]);
writeFileSync(join(directory, "k.pub"), run(["pubkey", "--key", "k"]).stdout);

const PARSERS = [
  { command: ["tag"], rest: ["--key", "k"] },
  { command: ["challenge", "new"], rest: ["--host", "h", "--action", "a", "--state", "attempt"] },
];

for (const { command, rest } of PARSERS) {
  const status = (words: readonly string[]): number | null => {
    rmSync(join(directory, "attempt"), { force: true });
    return run(words).status;
  };

  t.test(`keyhole ${command.join(" ")}`, (t) => {
    for (const peer of [["--peer", "k.pub"], ["--peer=k.pub"], ["-p", "k.pub"], ["-pk.pub"], ["-qvpk.pub"], ["-qvp", "k.pub"]]) {
      t.equal(status([...command, ...rest, ...peer]), 0, peer.join(" "));
      t.equal(status([...peer, ...command, ...rest]), 0, `${peer.join(" ")} before the command`);
    }
    t.equal(status([...command, ...rest, "-p", "nosuch", "-p", "k.pub"]), 0, "the last counts");
    t.equal(status([...command, ...rest, "-p", "k.pub", "-p", "nosuch"]), 2, "the last counts");
    t.equal(status([...command, ...rest, "-p=k.pub"]), 2, "a file whose name begins with =");
    t.equal(status([...command, ...rest, "--pee", "k.pub"]), 2, "names are not abbreviated");
    t.equal(status([...command, ...rest, "-p", "k.pub", "--quiet=yes"]), 2, "a flag takes no value");
    t.equal(status([...command, ...rest, "-p", "k.pub", "--", "-q"]), 2, "-- ends the options");
    t.end();
  });
}

t.test("the word after an option is its value, whatever it begins with", (t) => {
  const verify = run(["verify", "--key", "k", "--peer", "k.pub", "--tag", "-AAAAAAAAA"]);
  t.equal(verify.status, 1);
  const challenge = run(["challenge", "new", "--peer", "k.pub", "--host", "--json", "--action", "-q", "--state", "-s"]);
  t.match(challenge.stdout, /\/--json\/-q\/\n$/);
  t.end();
});
