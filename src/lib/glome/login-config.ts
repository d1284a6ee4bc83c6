import { KeyholeError } from "../errors.ts";
import { MAX_INDEX } from "./handshake.ts";
import { parsePublicKeyHex, parsePublicKeyLine } from "./key-text.ts";
import type { PublicKey } from "./public-key.ts";
import { MIN_AUTHCODE_LENGTH, TAG_TEXT_LENGTH } from "./tag-text.ts";

/** What a challenger needs of a glome-login configuration. */
export interface LoginConfig {
  publicKey?: PublicKey;
  keyVersion?: number;
  prompt?: string;
  hostId?: string;
  hostIdType?: string;
  minAuthcodeLength?: number;
}

/**
 * - `error`: glome-login does not start with this
 * - `warning`: it starts, and does something else than the file seems to say
 * - `note`: it works, and will not for ever
 */
export type Severity = "error" | "warning" | "note";

export interface Finding {
  /** From 1; 0 where it is about the whole file. */
  readonly line: number;
  readonly severity: Severity;
  readonly code: string;
  readonly message: string;
}

type Section = "default" | "service";

type Setting = (value: string, config: LoginConfig) => string | undefined;

const anything: Setting = () => undefined;
const flag: Setting = (value) => (/^(true|yes|on|1|false|no|off|0)$/i.test(value) ? undefined : `is "${value}", expected yes or no`);
const count: Setting = (value) => wrongNumber(value, Number.MAX_SAFE_INTEGER);

// Source: google/glome login/config.c, assign_default_option and assign_service_option.
const SETTINGS: Readonly<Record<Section, Readonly<Record<string, Setting>>>> = {
  default: {
    "auth-delay": count,
    "config-path": anything,
    "disable-syslog": flag,
    "ephemeral-key": anything,
    "host-id": (value, config) => void (config.hostId = value),
    "host-id-type": (value, config) => void (config.hostIdType = value),
    "input-timeout": count,
    "login-path": anything,
    "min-authcode-len": (value, config) => {
      const wrong = wrongNumber(value, TAG_TEXT_LENGTH);
      if (wrong === undefined) config.minAuthcodeLength = Math.max(Number(value), MIN_AUTHCODE_LENGTH);
      return wrong;
    },
    "print-secrets": flag,
    timeout: count,
    verbose: flag,
  },
  service: {
    key: (value, config) => publicKey(value, parsePublicKeyHex, (key) => (config.publicKey ??= key)),
    "key-version": (value, config) => {
      const wrong = wrongNumber(value, MAX_INDEX);
      if (wrong === undefined) config.keyVersion = Number(value);
      return wrong;
    },
    prompt: (value, config) => void (config.prompt = value),
    "public-key": (value, config) => publicKey(value, parsePublicKeyLine, (key) => (config.publicKey = key)),
    "url-prefix": (value, config) => void (config.prompt = `${value}/`),
  },
};

const DEPRECATED: Readonly<Record<string, string>> = { key: "public-key", "url-prefix": "prompt" };
const INSECURE = new Set(["ephemeral-key", "print-secrets"]);
const OFF = /^(false|no|off|0)$/i;

/**
 * Reads the configuration of glome-login and its PAM module as they read it,
 * and says what is wrong with it. Source: google/glome login/config.c, RFD 002.
 */
export function readLoginConfig(text: string): { readonly config: LoginConfig; readonly findings: readonly Finding[] } {
  const config: LoginConfig = {};
  const findings: Finding[] = [];
  const seen = new Map<string, number>();
  let section: Section | undefined = "default";

  for (const [i, line] of text.split(/\r?\n/).entries()) {
    const find = (severity: Severity, code: string, message: string): void => void findings.push({ line: i + 1, severity, code, message });
    if (line.trim() === "" || line.startsWith("#") || line.startsWith(";")) continue;
    if (line.startsWith("[")) {
      section = parseSection(line, find);
      continue;
    }
    const [, name, value] = /^([A-Za-z0-9_-]+)\s*=\s*(\S.*)$/.exec(line.trimEnd()) ?? [];
    if (name === undefined || value === undefined) {
      const indented = /^\s+[#;[A-Za-z0-9_-]/.test(line);
      find("error", "line", indented ? "line is indented, which glome-login does not take" : 'line is not "name = value"');
      continue;
    }
    if (section === undefined) continue;
    const previous = seen.get(`${section} ${name}`);
    if (previous !== undefined) find("warning", "repeated", `${name} was set in line ${previous} already`);
    seen.set(`${section} ${name}`, i + 1);
    assign(section, name, value, config, find);
  }

  const whole = (severity: Severity, code: string, message: string): void => void findings.push({ line: 0, severity, code, message });
  const has = (name: string): boolean => seen.has(`service ${name}`);
  if (has("key") && has("public-key")) whole("warning", "two-keys", "both key and public-key are set; glome-login takes public-key and ignores key");
  if (!has("key") && !has("public-key")) whole("error", "no-public-key", "no public-key in [service]; glome-login stops with no-service-key");
  if (!has("key-version")) whole("warning", "no-key-version", "no key-version in [service]; glome-login then names the key by index 0");
  return { config, findings };
}

function parseSection(line: string, find: (severity: Severity, code: string, message: string) => void): Section | undefined {
  const name = /^\[([A-Za-z0-9_-]+)\]\s*$/.exec(line)?.[1];
  if (name === "default" || name === "service") return name;
  if (name === undefined) find("error", "section", "section is not [name]");
  else find("error", "unknown-section", `section [${name}] is unknown, expected [default] or [service]`);
  return undefined;
}

function assign(section: Section, name: string, value: string, config: LoginConfig, find: (severity: Severity, code: string, message: string) => void): void {
  const setting = Object.hasOwn(SETTINGS[section], name) ? SETTINGS[section][name] : undefined;
  if (setting === undefined) {
    const other = section === "default" ? "service" : "default";
    const isMisplaced = Object.hasOwn(SETTINGS[other], name);
    find("error", isMisplaced ? "misplaced-key" : "unknown-key", isMisplaced ? `${name} belongs into [${other}]` : `${name} is unknown in [${section}]`);
    return;
  }
  const wrong = setting(value, config);
  if (wrong !== undefined) find("error", "value", `${name} ${wrong}`);
  const replacement = section === "service" ? DEPRECATED[name] : undefined;
  if (replacement !== undefined) find("note", "deprecated", `${name} is deprecated, use ${replacement}`);
  if (INSECURE.has(name) && !OFF.test(value)) find("warning", "insecure", `${name} gives secrets away and is for tests alone`);
}

function wrongNumber(value: string, max: number): string | undefined {
  if (!/^(0|[1-9][0-9]*)$/.test(value)) return `is "${value}", expected a decimal number without sign or leading zero, which all tools read alike`;
  return Number(value) > max ? `is ${value}, expected at most ${max}` : undefined;
}

function publicKey(value: string, parse: (text: string) => PublicKey, set: (key: PublicKey) => void): string | undefined {
  try {
    set(parse(value));
    return undefined;
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    return `cannot be read: ${error.message}`;
  }
}
