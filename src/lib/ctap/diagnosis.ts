/** The codes of diagnoses; they are stable. */
export type DiagnosisCode = keyof typeof DIAGNOSES;

export interface Diagnosis {
  readonly code: DiagnosisCode;
  /** In plain words, one line. */
  readonly message: string;
  /** What to try next, one line. */
  readonly hint: string;
  /** 0: the card can be used; 1: it answers and is faulty; 2: it must be chosen; 3: there is none, or no answer. */
  readonly status: 0 | 1 | 2 | 3;
}

/**
 * @param detail - the particulars
 * @param hint - instead of the usual one
 */
export function diagnose(code: DiagnosisCode, detail?: string, hint?: string): Diagnosis {
  const known: Known = DIAGNOSES[code];
  return { code, message: detail === undefined ? known.message : `${known.message}: ${detail}`, hint: hint ?? known.hint, status: known.status };
}

/**
 * The first that keeps the card from being used; where none does, the one that
 * comes first in the table below, `ok` where there is none.
 */
export function chiefDiagnosis(found: readonly Diagnosis[]): Diagnosis {
  const rank = ({ code }: Diagnosis): number => Object.keys(DIAGNOSES).indexOf(code);
  const [gravest = diagnose("ok")] = found.toSorted((a, b) => rank(a) - rank(b));
  return found.find(({ status }) => status !== 0) ?? gravest;
}

type Known = Omit<Diagnosis, "code">;

const UPDATE = "update the card's firmware, or tell its maker";
const PLUG_AGAIN = "unplug the card, plug it in again, and run this once more";

/** Every diagnosis that `ctap probe` can make. */
export const DIAGNOSES = {
  // It can be used. The first are what a person runs into first.
  ok: { status: 0, message: "the card answers as it should", hint: "keyhole ctap info shows what it can do" },
  "pin-blocked": {
    status: 0,
    message: "the card's PIN is blocked for good after too many wrong ones",
    hint: "what needs no PIN still works; only keyhole ctap reset, which erases the card, lets it have a PIN again",
  },
  "pin-power-cycle": {
    status: 0,
    message: "the card takes no PIN until it was without power, after several wrong ones in a row",
    hint: "unplug the card and plug it in again, then give the right PIN",
  },
  "pin-change": { status: 0, message: "the card wants its PIN changed before it takes it for anything else", hint: "keyhole ctap pin change changes it" },
  "u2f-only": { status: 0, message: "the card has U2F (CTAP1) alone", hint: "it can be a second factor; it has no PIN, and sites that want a passkey will not take it" },
  "pin-uv-protocols": {
    status: 0,
    message: "the card verifies its user, but names no PIN/UV protocol that libraries know",
    hint: "send makeCredential and getAssertion without pinUvAuthParam",
  },
  "get-info-not-canonical": { status: 0, message: "the answer to getInfo can be read, but is not canonical CBOR", hint: `keyhole takes it, stricter programs may not; ${UPDATE}` },
  "duplicate-replies": { status: 0, message: "answers come more than once", hint: "look for two relays or proxies between the card and this machine" },
  "other-traffic": { status: 0, message: "another program talks to the card too", hint: "if a request fails as busy, end the other program, often a browser with a prompt open" },
  "slow-init": { status: 0, message: "the card answered only the second INIT", hint: "if it happens again, look at the cable, hub or proxy" },
  "ping-echo": { status: 0, message: "the answer to PING is not what was sent", hint: `commands may work all the same; ${UPDATE}` },
  "ping-refused": { status: 0, message: "the card refuses PING", hint: `commands may work all the same; ${UPDATE}` },
  "wink-refused": { status: 0, message: "the card offers WINK and refuses it", hint: `commands work all the same; ${UPDATE}` },
  "pin-retries-refused": { status: 0, message: "the card has a PIN and does not tell how often it may be wrong", hint: `the PIN may work all the same; ${UPDATE}` },
  "u2f-refused": { status: 0, message: "the card offers U2F (CTAP1) and refuses its VERSION", hint: "use CTAP2, that is, do not give --u2f" },
  // It answers, and is faulty.
  "half-mute": { status: 1, message: "the card answers INIT and then falls silent", hint: PLUG_AGAIN },
  "cut-off": { status: 1, message: "the card begins an answer and does not end it", hint: "look at the cable, hub or proxy between the card and this machine" },
  "wrong-nonce": { status: 1, message: "the card answers INIT with another nonce than was sent", hint: `the answer may be one to another program: end it and run this once more; otherwise ${UPDATE}` },
  "wrong-channel": { status: 1, message: "the card answers on another channel than it was asked on", hint: `it, or a proxy before it, mixes up channels; ${UPDATE}` },
  "bad-init": { status: 1, message: "the answer to INIT is wrong", hint: UPDATE },
  "wrong-command": { status: 1, message: "an answer has another command than the request", hint: UPDATE },
  "qubes-proxy": {
    status: 1,
    message: "CBOR is answered with the command of MSG, as Qubes' CTAP proxy does (QubesOS issue 10981)",
    hint: "give --lenient to take such answers; other programs need a qubes-ctap in which this is mended",
  },
  framing: { status: 1, message: "packets do not fit together", hint: "look at the cable, hub or proxy between the card and this machine; two programs may share one channel" },
  "keepalive-forever": { status: 1, message: "the card says that it is at work and never ends", hint: PLUG_AGAIN },
  "hid-error": { status: 1, message: "the card answers with a CTAPHID error", hint: PLUG_AGAIN },
  "get-info-refused": { status: 1, message: "the card refuses getInfo", hint: UPDATE },
  "get-info-not-cbor": { status: 1, message: "the answer to getInfo is not CBOR", hint: UPDATE },
  "get-info-invalid": { status: 1, message: "the answer to getInfo is CBOR, but not what getInfo answers", hint: UPDATE },
  "no-protocol": { status: 1, message: "the card offers neither CTAP2 nor a U2F that works", hint: UPDATE },
  // It must be chosen.
  "several-devices": { status: 2, message: "there are several security keys", hint: "choose one with --device" },
  // There is none, or no answer.
  "no-device": { status: 3, message: "no CTAP HID device is here", hint: "plug the card in; in a virtual machine, pass it through" },
  "node-missing": { status: 3, message: "the kernel has the card, but its node is not here", hint: "in a container, pass the node in" },
  "permission-denied": { status: 3, message: "this user may not open the card", hint: "keyhole ctap list prints the udev rule that helps" },
  "vendor-interface": { status: 3, message: "this is a vendor interface, not FIDO; nothing was sent to it", hint: "keyhole ctap list shows the FIDO interfaces" },
  unreachable: { status: 3, message: "nothing answers at this address", hint: "check address and port, and that the card's program runs" },
  "port-in-use": { status: 3, message: "the port for answers is in use", hint: "end the other program, perhaps another keyhole" },
  "hid-library": { status: 3, message: "the library for HID devices cannot be loaded", hint: "apt install libusb-1.0-0 libudev1, or dnf install libusb1 systemd-libs" },
  mute: { status: 3, message: "the card does not answer INIT", hint: `${PLUG_AGAIN}; if it stays so, look at the proxy or virtual machine between, and try another port` },
  busy: { status: 3, message: "the card is busy with another program", hint: "end the other program, often a browser with a prompt open, and run this once more" },
  lost: { status: 3, message: "the card went away during the probe", hint: "look at plug, cable and hub; plug it in again and run this once more" },
  failed: { status: 3, message: "the card cannot be used", hint: "keyhole ctap list shows what is there" },
} as const satisfies Readonly<Record<string, Known>>;
