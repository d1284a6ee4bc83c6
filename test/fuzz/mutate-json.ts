import { encodeUtf8 } from "../../src/lib/text.ts";
import type { Corpus } from "./corpus.ts";
import { mutate } from "./mutate.ts";
import type { Random } from "./random.ts";

type Items<T> = readonly [T, ...T[]];

/** What may stand where something else is expected, as it is written in JSON. */
const ODD: Items<string> = [
  "null",
  "true",
  "false",
  "[]",
  "{}",
  "[null]",
  "0",
  "-0",
  "-1",
  "1.5",
  "1e308",
  "1e400",
  "-1e400",
  "9007199254740993",
  "9".repeat(400),
  '""',
  '" "',
  '"0"',
  '"-1"',
  '"01"',
  '"1e9"',
  '"999999999999999"',
  `"${"9".repeat(41)}"`,
  '"abc"',
  '"0g"',
  '"zz"',
  '"AB"',
  '"\\u0000"',
  '"\\ud800"',
  '"\\u202e\\u001b[2J"',
  '"e\\u0301"',
  `"${"a".repeat(3000)}"`,
  `"${"é".repeat(257)}"`,
  '"__proto__"',
  '"constructor"',
  '{"__proto__":{"type":"bind"}}',
  '{"toString":null,"hasOwnProperty":1}',
  '{"type":"ping","type":null}',
  `[${"null,".repeat(500)}null]`,
  nested(63),
  nested(64),
  nested(65),
  nested(6000),
  `${'{"a":'.repeat(2000)}1${"}".repeat(2000)}`,
];

function nested(depth: number): string {
  return "[".repeat(depth) + "]".repeat(depth);
}

/** How many changes of the structure: most of what is read is close to what it was. */
const CHANGES: Items<number> = [0, 1, 1, 1, 1, 2, 2, 3];

/** Names that mean something somewhere, for keys and strings. */
const NAMES: Items<string> = ["type", "id", "appid", "side", "phase", "body", "mailbox", "nameplate", "nameplates", "welcome", "error", "orig", "mood", "ping", "keyhole", "permission-required", "__proto__", ""];

/**
 * A JSON text made of others: fields left out, named otherwise, or holding what
 * does not belong there; now and then no JSON at all.
 */
export function mutateJson(random: Random, corpus: Corpus): Uint8Array {
  switch (random.below(8)) {
    case 0:
      return mutate(random, corpus);
    case 1:
      return encodeUtf8(random.pick(ODD));
    default: {
      const text = mutateText(random, corpus, random.pick(CHANGES));
      return random.below(10) === 0 ? mutate(random, [text]) : text;
    }
  }
}

/** Lines, each JSON or a word; some are left out, come twice or elsewhere, or are changed within. */
export function mutateLines(random: Random, corpus: Corpus): Uint8Array {
  const lines = decode(random.pick(corpus)).split("\n");
  for (let count = random.pick(CHANGES); count > 0; count--) {
    const at = random.below(lines.length + 1);
    const line = lines[random.below(lines.length)] ?? "";
    switch (random.below(5)) {
      case 0:
        lines.splice(at, 1);
        break;
      case 1:
        lines.splice(at, 0, line);
        break;
      case 2:
        lines.splice(at, 0, decode(random.pick(corpus)).split("\n")[at] ?? "");
        break;
      default:
        // A line that was changed before may be no JSON any more.
        if (isJson(line)) lines[lines.indexOf(line)] = decode(mutateJson(random, [encodeUtf8(line)])).replaceAll("\n", " ");
    }
  }
  return encodeUtf8(lines.join("\n"));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function decode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

function mutateText(random: Random, corpus: Corpus, changes: number): Uint8Array {
  const holder = { value: JSON.parse(decode(random.pick(corpus))) as unknown };
  for (let count = changes; count > 0; count--) changeOne(random, random.pick(placesIn(holder)), corpus);
  // JSON.stringify cannot write all of them.
  return encodeUtf8(JSON.stringify(holder.value).replaceAll(/"<odd ([0-9]+)>"/g, (_, at: string) => ODD[Number(at)] ?? "null"));
}

interface Place {
  readonly holder: Record<string, unknown>;
  readonly key: string;
}

function placesIn(holder: Record<string, unknown>): Items<Place> {
  const places = Object.keys(holder).flatMap((key) => {
    const value = holder[key];
    const inner = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
    return [{ holder, key }, ...(Object.keys(inner).length === 0 ? [] : placesIn(inner))];
  });
  return places as unknown as Items<Place>;
}

function changeOne(random: Random, { holder, key }: Place, corpus: Corpus): void {
  const value = holder[key];
  switch (random.below(7)) {
    case 0:
      if (key !== "value") Reflect.deleteProperty(holder, key);
      break;
    case 1:
      if (key !== "value" && !Array.isArray(holder)) holder[random.pick(NAMES)] = value;
      break;
    case 2:
      holder[key] = [value];
      break;
    case 3:
      holder[key] = random.pick(NAMES);
      break;
    case 4:
      if (typeof value === "string") holder[key] = decode(mutate(random, [encodeUtf8(value), ...corpus]));
      break;
    default:
      holder[key] = `<odd ${random.below(ODD.length)}>`;
  }
}
