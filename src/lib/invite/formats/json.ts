import { parsePayloadJson } from "./format.ts";
import { textFormatOf } from "./text.ts";

/** The text protocol, where the text is one JSON document, byte for byte as it was given. */
export const jsonFormat = textFormatOf((text) => void parsePayloadJson(text));
