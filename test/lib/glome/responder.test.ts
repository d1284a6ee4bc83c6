import t from "tap";
import { makeChallenge } from "../../../src/lib/glome/challenger.ts";
import { grant } from "../../../src/lib/glome/responder.ts";
import { client, readChallenge, ringOf, service } from "./parties.ts";

const options = {
  version: "v2",
  serviceKey: service.publicKey,
  request: { hostType: "", host: "myhost", action: "shell=root" },
  index: 3,
  minAuthcodeLength: 10,
} as const;

t.test("what is granted: whose key, for which request, and whether the client has tagged it", async (t) => {
  for (const messageTagLength of [0, 1, 32]) {
    const challenge = readChallenge(makeChallenge({ ...options, messageTagLength }, client).challenge);
    const answer = await grant(challenge, ringOf(service, 3), undefined);
    t.match(answer, { key: "3-k", hasMessageTag: messageTagLength > 0, challenge: { request: options.request } });
    t.match(answer.authcode(), /^[A-Za-z0-9_-]{43}=$/);
    t.equal(answer.authcode(), answer.authcode());
  }
});

t.test("what no rule allows is refused, and no key gives a hint", async (t) => {
  const challenge = readChallenge(makeChallenge({ ...options, messageTagLength: 0 }, client).challenge);
  const policy = { allow: [{ host: "my*", action: "reboot" }] };
  await t.rejects(grant(challenge, ringOf(service, 3), policy), { code: "POLICY_REFUSED", kind: "no" });
  await t.rejects(grant(challenge, ringOf(service, 3), { allow: [] }), { code: "POLICY_REFUSED" });
  const allowed = await grant(challenge, ringOf(service, 3), { allow: [...policy.allow, { action: "shell=*" }] });
  t.equal(allowed.key, "3-k");
});
