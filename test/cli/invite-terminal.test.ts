import t from "tap";
import { create, eventNames, nameplateOf, startMailbox } from "../support/invite.ts";
import { atTerminal } from "../support/terminal.ts";

// What a person at a terminal sees and types.

t.test("a payload is shown escaped", async (t) => {
  const { url } = await startMailbox(t);
  const { code, program } = await create(t, url, ["--format", "text", "-"], { input: "one\n\u001b[31mtwo\u202e\n\\n" });
  const { screen, status } = await atTerminal(["invite", "accept", "--mailbox", url, "--format", "text", code], []);
  t.equal(status, 0);
  t.equal(screen, "one\n\\x1b[31mtwo\\u{202e}\n\\n\n");
  t.equal((await program.ended).status, 0);
});

t.test("JSON stays JSON", async (t) => {
  const { url } = await startMailbox(t);
  const document = '{\n\t"a": "\u202e\u0085\\u001b \\"q\\" \\\\",\r\n\t"b": "東京"\n}\n';
  const { code, program } = await create(t, url, ["-"], { input: document });
  const { screen, status } = await atTerminal(["invite", "accept", "--mailbox", url, code], []);
  t.equal(status, 0);
  t.equal(screen, '{\n "a": "\\u202e\\u0085\\u001b \\"q\\" \\\\", \n "b": "東京"\n}\n');
  t.same(JSON.parse(screen), JSON.parse(document));
  t.equal((await program.ended).status, 0);
});

t.test("Tab completes a code", async (t) => {
  const { url } = await startMailbox(t);
  const { code, program } = await create(t, url, ["--code", "31-guitarist-revenge", "--text", '"hello"']);
  const { screen, status, missed } = await atTerminal(
    ["invite", "accept", "--mailbox", url],
    [
      { expect: "code (Tab completes): ", send: "\t", pause: 1 },
      { expect: `${nameplateOf(code)}-`, send: "guit\t" },
      { expect: "guitarist-", send: "reven\t" },
      { expect: "revenge", send: "\r" },
    ],
  );
  t.same([status, missed], [0, null], screen);
  t.match(screen, /31-guitarist-revenge\r?\n"hello"\n$/);
  t.equal((await program.ended).status, 0);
});

t.test("a code that is not typed", async (t) => {
  const { url, list } = await startMailbox(t);
  t.equal((await atTerminal(["invite", "accept", "--mailbox", url], [{ expect: "code", send: "\u0003" }])).status, 130);
  for (const end of ["\r", "\u0004", "\u0003"]) {
    const wrong = await atTerminal(
      ["invite", "accept", "--mailbox", url],
      [
        { expect: "code (Tab completes): ", send: "7-guitarist-revange\r" },
        { expect: "spelling", send: "" },
        { expect: "code (Tab completes): ", send: end },
      ],
    );
    t.same([wrong.status, wrong.missed], [130, null], wrong.screen);
    t.match(wrong.screen, /error: word 2 of the code, "revange", is not in the list, nearest: revenge/);
  }
  t.same(await list(), [], "nothing was claimed");
});

t.test("a code that is mistyped at first", async (t) => {
  const { url } = await startMailbox(t);
  const { program } = await create(t, url, ["--code", "33-guitarist-revenge", "--text", '"hello"']);
  const { screen, status, missed } = await atTerminal(
    ["invite", "accept", "--mailbox", url],
    [
      { expect: "code (Tab completes): ", send: "33-guitarist-revange\r" },
      { expect: "spelling", send: "" },
      { expect: "code (Tab completes): ", send: "33-guitarist-revenge\r" },
    ],
  );
  t.same([status, missed], [0, null], screen);
  t.match(screen, /"hello"\n$/);
  t.equal((await program.ended).status, 0);
});

t.test("both sides ask about the verifier", async (t) => {
  const { url } = await startMailbox(t);
  for (const [answers, statuses, events] of [
    [["y\r", "yes\r"], [0, 0], "delivered"],
    [["y\r", "n\r"], [1, 1], "refused"],
    [["n\r", "y\r"], [1, 1], "refused"],
    [["\r", "y\r"], [1, 1], "refused"],
  ] as const) {
    const code = "32-guitarist-revenge";
    const question = (other: string): string => `does the ${other} have the same? [y/N] `;
    const [issuer, receiver] = await Promise.all([
      atTerminal(["invite", "create", "--json", "--verify", "--mailbox", url, "--code", code, "--text", "{}"], [{ expect: question("receiver"), send: answers[0] }]),
      atTerminal(["invite", "accept", "--verify", "--mailbox", url, code], [{ expect: question("sender"), send: answers[1] }]),
    ]);
    t.same([issuer.status, receiver.status], statuses, `${issuer.screen}${receiver.screen}`);
    const [, verifier] = /^verifier: ([0-9a-f]{64})$/m.exec(issuer.screen) ?? [];
    t.match(receiver.screen, `verifier: ${verifier ?? "none"}\n`);
    t.match(issuer.screen, `"event":"${events}"`);
    t.equal(receiver.screen.includes("{}"), statuses[1] === 0, "nothing is shown before");
  }
});

t.test("Ctrl-C at the question", async (t) => {
  const { url } = await startMailbox(t);
  const { code, program } = await create(t, url, ["--json", "--text", "{}"]);
  const receiver = await atTerminal(["invite", "accept", "--verify", "--mailbox", url, code], [{ expect: "[y/N]", send: "\u0003" }]);
  t.equal(receiver.status, 130);
  const ended = await program.ended;
  t.same([ended.status, eventNames(ended).at(-1)], [1, "refused"]);
});

t.test("nothing to send", async (t) => {
  const { screen, status } = await atTerminal(["invite", "create", "--mailbox", "ws://127.0.0.1:1/v1"], []);
  t.equal(status, 2);
  t.match(screen, /^error: invite create needs a payload\nhint: /);
});
