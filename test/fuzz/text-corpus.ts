import { encodeHex } from "../../src/lib/bytes.ts";
import { encodeUtf8 } from "../../src/lib/text.ts";
import { cborMap, encodeCbor } from "../../src/lib/ctap/cbor.ts";
import { REPORTS, reportsIn, type Corpus } from "./corpus.ts";

const TIME = "2026-01-31T23:59:59.999999Z";

/** Reports that are one message or two. */
const SHORT = REPORTS.filter(({ length }) => length <= 640).slice(0, 60);

function corpus(texts: readonly string[]): Corpus {
  const [first = "", ...rest] = texts;
  return [encodeUtf8(first), ...rest.map(encodeUtf8)];
}

export const TRACES: Corpus = corpus(
  SHORT.map((reports) =>
    [
      JSON.stringify({ time: TIME, event: "open", trace: 1, device: "virtual:" }),
      ...reportsIn(reports).map((bytes, i) => JSON.stringify({ time: TIME, direction: i % 2 === 0 ? "to-card" : "from-card", bytes: encodeHex(bytes) })),
      JSON.stringify({ time: TIME, event: "error", code: "CTAP_DEVICE_LOST", message: "gone" }),
      JSON.stringify({ time: TIME, event: "close" }),
      "",
    ].join("\n"),
  ),
);

function dump(bytes: Uint8Array): string {
  const rows = Array.from({ length: Math.ceil(bytes.length / 16) }, (_, i) => `${String(16 * i).padStart(4, "0")}: ${encodeHex(bytes.subarray(16 * i, 16 * i + 16)).replaceAll(/..(?!$)/g, "$& ")}\n`);
  return rows.join("");
}

export const FIDO_DEBUGS: Corpus = corpus(
  SHORT.map((reports) => {
    const [first = new Uint8Array(), ...rest] = reportsIn(reports);
    return [
      `fido_tx: dev=0x1, cmd=0x10\nfido_tx: buf=0x2, len=${first.length}\n${dump(first)}`,
      `fido_tx: d=0x1, cmd=0x06, buf=0x2, count=${first.length}\n${dump(first)}`,
      `fido_rx: dev=0x1, cmd=0x10, ms=-1\nrx_preamble: buf=0x3, len=64\n${dump(first)}rx: payload_len=17\n`,
      ...rest.map((report) => `rx: buf=0x3, len=64\n${dump(report)}`),
      `fido_rx: buf=0x3, len=${first.length}\n${dump(first)}`,
    ].join("");
  }),
);

export const DEVICE_URIS: Corpus = corpus(["hidraw:/dev/hidraw0", "/dev/hidraw1", "udp:127.0.0.1:8111,7112", "udp:[::1]:8111", "tcp:localhost:35962", "virtual:", "virtual:/tmp/state"]);

/** The descriptor of a FIDO interface, and one of a keyboard with report numbers. */
export const REPORT_DESCRIPTORS: Corpus = [
  "06d0f10901a1010920150026ff007508954081020921150026ff00750895409102c0",
  "05010906a101850105071900299715002501750195978102c005010980a10185021981298381",
].map((hex) => new Uint8Array(Buffer.from(hex, "hex"))) as [Uint8Array, Uint8Array];

export const CREDENTIAL_FILES: Corpus = corpus([
  `${JSON.stringify({
    format: "keyhole-credential-1",
    id: "AAECAwQFBgcICQ",
    rpId: "example.com",
    user: { id: "AQIDBA", name: "alice", displayName: "Alice" },
    algorithm: -8,
    publicKey: "pAEBAycgBiFYIA1-Bg0CgTLe1jBVQe2o6DySvHZ0PVqqfhxpAHSYoCys",
    counter: 7,
    discoverable: true,
    u2f: false,
    largeBlobKey: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  })}\n`,
]);

/** Arrays of entries, without the checksum. */
export const LARGE_BLOBS: Corpus = [
  encodeCbor([]),
  encodeCbor([cborMap([1, new Uint8Array(40)], [2, new Uint8Array(12)], [3, 20])]),
  encodeCbor([1, cborMap([1, new Uint8Array(16)], [2, new Uint8Array(12)], [3, 0]), cborMap([1, new Uint8Array(300)], [2, new Uint8Array(12)], [3, 1_000_000])]),
];
