import { encodeHex } from "../../lib/bytes.ts";
import { formatCbor, cborToJson } from "../../lib/ctap/cbor-text.ts";
import type { CborValue } from "../../lib/ctap/cbor.ts";
import { Ctap1 } from "../../lib/ctap/ctap1.ts";
import { Ctap2 } from "../../lib/ctap/ctap2.ts";
import { GET_INFO_NAMES, type GetInfo } from "../../lib/ctap/get-info.ts";
import type { InitResponse } from "../../lib/ctap/init.ts";
import { escapeForTerminal } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { say, writeJson, writeResult } from "../io.ts";
import { EXIT_OK } from "../report.ts";
import { algorithmName } from "./algorithms.ts";
import { withCard } from "./card.ts";
import { describeModality, describeOption, formatUuid } from "./info-words.ts";
import { formatLines, type Line } from "./lines.ts";

/** keyhole ctap info */
export function info(args: Arguments): Promise<number> {
  return withCard(args, async ({ device, transact }) => {
    const { name } = device.transport;
    if (device.init.capabilities.cbor) show(args, name, device.init, await new Ctap2(device, transact).getInfo());
    else show(args, name, device.init, await new Ctap1(device, transact).version());
    return EXIT_OK;
  });
}

/** @param said - in CTAP2 or, by a card that has CTAP1 alone, its version */
function show(args: Arguments, device: string, init: InitResponse, said: GetInfo | string): void {
  const ofCtap2 = typeof said === "string" ? undefined : said;
  if (ofCtap2 !== undefined && ofCtap2.oddities.length > 0 && !args.flag("quiet")) {
    say(`warning: getInfo is not canonical CBOR: ${ofCtap2.oddities.map(({ offset, message }) => `${message} at byte ${offset}`).join("; ")}`);
  }
  if (args.flag("json")) {
    writeJson({ device, ctaphid: ctaphidToJson(init), ...(typeof said === "string" ? { u2fVersion: said } : getInfoToJson(said)) });
    return;
  }
  const described = typeof said === "string" ? [["u2f version", escapeForTerminal(said)] as const] : describeGetInfo(said);
  writeResult(formatLines([["device", escapeForTerminal(device)], ["ctaphid", describeInit(init)], ...described]));
}

function describeInit({ protocolVersion, deviceVersion, capabilities }: InitResponse): string {
  const { byte, wink, cbor, msg } = capabilities;
  const names = [wink ? "WINK" : undefined, cbor ? "CBOR" : undefined, msg ? "MSG" : undefined].filter((name) => name !== undefined);
  return `version ${protocolVersion}, device version ${deviceVersion.join(".")}, capabilities ${[...names, `(0x${encodeHex(Uint8Array.of(byte))})`].join(" ")}`;
}

function ctaphidToJson({ protocolVersion, deviceVersion, capabilities: { wink, cbor, msg } }: InitResponse): object {
  return { version: protocolVersion, deviceVersion: deviceVersion.join("."), wink, cbor, msg };
}

/** One line for each key of the answer, those of options below. */
function describeGetInfo({ raw, ...info }: GetInfo): readonly Line[] {
  return [...raw].flatMap(([key, value]) => {
    const name = nameOf(key);
    if (name === undefined) return [[`unknown key ${formatCbor(key)}`, formatCbor(value)] as const];
    if (name === "options") return [[name, ""] as const, ...[...info.options].map(([option, isSet]) => [`  ${escapeForTerminal(option)}`, describeOption(option, isSet)] as const)];
    return [[name, describeValue(name, value, info)] as const];
  });
}

function describeValue(name: string, value: CborValue, info: Omit<GetInfo, "raw">): string {
  switch (name) {
    case "aaguid":
      return formatUuid(info.aaguid);
    case "algorithms":
      return info.algorithms.map(({ alg }) => `${algorithmName(alg)} (${alg})`).join(", ");
    case "uvModality":
      return describeModality(Number(info.uvModality));
    case "certifications":
      return [...(info.certifications ?? [])].map(([certification, level]) => `${escapeForTerminal(certification)} ${level}`).join(", ");
    case "maxMsgSize":
    case "maxCredentialIdLength":
    case "maxSerializedLargeBlobArray":
    case "maxCredBlobLength":
      return `${formatCbor(value)} bytes`;
    default:
      return Array.isArray(value) ? value.map((item: CborValue) => (typeof item === "string" ? escapeForTerminal(item) : formatCbor(item))).join(", ") : formatCbor(value);
  }
}

/** Under the specification's names; keys that have none here, under `unknown`. */
function getInfoToJson({ raw, oddities, aaguid, algorithms }: GetInfo): object {
  const known = [...raw].flatMap(([key, value]) => {
    const name = nameOf(key);
    return name === undefined ? [] : [[name, cborToJson(value)] as const];
  });
  const decoded = {
    ...(raw.has(0x03) ? { aaguid: formatUuid(aaguid) } : {}),
    ...(raw.has(0x0a) ? { algorithms: algorithms.map(({ type, alg }) => ({ type, alg, name: algorithmName(alg) })) } : {}),
  };
  const unknown = new Map([...raw].filter(([key]) => nameOf(key) === undefined));
  return { ...Object.fromEntries(known), ...decoded, unknown: cborToJson(unknown), oddities };
}

function nameOf(key: CborValue): string | undefined {
  return typeof key === "number" ? GET_INFO_NAMES.get(key) : undefined;
}
