import { Chalk } from "chalk";
import type { RequestLine } from "./login-request.ts";

const chalk = new Chalk({ level: 1 });

const COLOURS = { main: chalk.bold, plain: (text: string): string => text, odd: chalk.yellow } as const;

/** The request with what matters most in bold. */
export function colourRequest(lines: readonly RequestLine[], labelWidth: number): string {
  return lines.map(({ label, text, weight }) => `${chalk.dim(`${label}:`.padEnd(labelWidth))}${COLOURS[weight](text)}`).join("\n");
}
