// What is said of a payload without its content: digest, size and shape, over canonical JSON (RFC 8785).
// The same bytes as the Python library causewatch.instrument and the Go example: see tests/vectors.
import { createHash, createHmac } from "node:crypto";

const MAX_FIELDS = 256;
const MAX_DEPTH = 6;
const MAX_ITEMS = 64;
const FIELD_DIGEST_CHARS = 16;
const PREFIX_DIGEST_CHARS = 8;
const FIRST_PREFIX_CHARS = 32;

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

export interface Imprint {
  text: string; // canonical JSON
  sha256: string; // of the text, with a key HMAC-SHA-256
  bytes: number; // of the text, in UTF-8
  fields: string; // the shape, as JSON text
  dropped: number; // places that the shape does not list
}

interface Spelled {
  type: "null" | "boolean" | "number" | "string" | "array" | "object";
  size: number; // characters of a string, items or members of a container, else 0
  text: string;
  members: [token: string, value: Spelled][];
  characters?: string[];
}

/** Returns the imprint of whatever JSON.stringify can write; undefined where it writes nothing. */
export function imprintOf(payload: unknown, key?: Uint8Array): Imprint | undefined {
  const written = JSON.stringify(payload) as string | undefined;
  if (written === undefined) return undefined;
  const whole = spell(JSON.parse(written) as Json);
  const { fields, dropped } = shape(whole, key);
  return {
    text: whole.text,
    sha256: digest(whole.text, key),
    bytes: Buffer.byteLength(whole.text),
    fields,
    dropped,
  };
}

function digest(text: string, key?: Uint8Array): string {
  return (key ? createHmac("sha256", key) : createHash("sha256")).update(text, "utf8").digest("hex");
}

/** JSON.stringify writes numbers and strings as RFC 8785 wants them, which was made after it. */
function spell(value: Json): Spelled {
  if (value === null) return { type: "null", size: 0, text: "null", members: [] };
  switch (typeof value) {
    case "boolean":
    case "number":
      return { type: typeof value as "number", size: 0, text: JSON.stringify(value), members: [] };
    case "string": {
      const whole = wellFormed(value);
      const characters = [...whole];
      return { type: "string", size: characters.length, text: JSON.stringify(whole), members: [], characters };
    }
  }
  if (Array.isArray(value)) {
    const members = value.map((item, index): [string, Spelled] => [String(index), spell(item)]);
    const text = `[${members.map(([, item]) => item.text).join(",")}]`;
    return { type: "array", size: members.length, text, members };
  }
  return spellObject(value as { [name: string]: Json });
}

function spellObject(value: { [name: string]: Json }): Spelled {
  const named = new Map(Object.entries(value).map(([name, own]) => [wellFormed(name), own]));
  const names = [...named.keys()].sort(); // by UTF-16 code units, as RFC 8785 wants
  const each = names.map((name): [string, Spelled] => [name, spell(named.get(name) as Json)]);
  const text = `{${each.map(([name, own]) => `${JSON.stringify(name)}:${own.text}`).join(",")}}`;
  const members = each.map(([name, own]): [string, Spelled] => [
    name.replaceAll("~", "~0").replaceAll("/", "~1"),
    own,
  ]);
  return { type: "object", size: names.length, text, members };
}

/** Lone surrogates have no UTF-8: as in other languages they become U+FFFD. */
function wellFormed(text: string): string {
  return text.toWellFormed();
}

function shape(whole: Spelled, key?: Uint8Array): { fields: string; dropped: number } {
  const fields = new Map<string, string>();
  let dropped = 0;
  let level: [string, Spelled][] = [["", whole]];
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    const following: [string, Spelled][] = [];
    for (const [pointer, each] of level) {
      if (fields.size >= MAX_FIELDS) {
        dropped++;
        continue;
      }
      fields.set(pointer, field(each, key));
      const limit = depth === MAX_DEPTH ? 0 : each.type === "array" ? MAX_ITEMS : each.members.length;
      const inside = each.members.slice(0, limit);
      for (const [token, value] of inside) following.push([`${pointer}/${token}`, value]);
      dropped += each.members.length - inside.length;
    }
    level = following;
  }
  const texts = [...fields.keys()].sort().map((name) => `${JSON.stringify(name)}:${fields.get(name)}`);
  return { fields: `{${texts.join(",")}}`, dropped };
}

function field(each: Spelled, key?: Uint8Array): string {
  const parts: unknown[] = [each.type, each.size, digest(each.text, key).slice(0, FIELD_DIGEST_CHARS)];
  if (each.characters && each.size > FIRST_PREFIX_CHARS) {
    const prefixes: string[] = [];
    for (let length = FIRST_PREFIX_CHARS; length < each.size; length *= 2) {
      const beginning = JSON.stringify(each.characters.slice(0, length).join(""));
      prefixes.push(digest(beginning, key).slice(0, PREFIX_DIGEST_CHARS));
    }
    parts.push(prefixes);
  }
  return JSON.stringify(parts);
}
