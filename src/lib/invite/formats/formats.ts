import type { Format } from "./format.ts";
import { jsonFormat } from "./json.ts";
import { magicFolderFormat } from "./magic-folder.ts";
import { tahoeFormat } from "./tahoe.ts";
import { textFormat } from "./text.ts";

export type FormatName = "json" | "text" | "tahoe" | "magic-folder";

export const FORMATS: Readonly<Record<FormatName, Format>> = {
  json: jsonFormat,
  text: textFormat,
  tahoe: tahoeFormat,
  "magic-folder": magicFolderFormat,
};
