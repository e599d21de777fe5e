// Makes the handoff between agents an explicit boundary on OpenTelemetry spans, in the form that
// causewatch checks: the same as the Python library causewatch.instrument writes.
import { randomBytes } from "node:crypto";
import {
  type Attributes,
  type Context,
  context,
  diag,
  type Link,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { imprintOf } from "./imprint.js";

/** Told on each span: it marks the span as written in this form. */
export const VERSION = "0.1.0";
const PREFIX = "causewatch.handoff.";
const CARRIER_ID = "causewatch-handoff";
const CARRIER_FROM = "causewatch-handoff-from";

export type Mode = "pass_control" | "return_to_caller";
export type Carrier = Record<string, string>;

export interface Settings {
  content?: boolean; // record the payload itself; else digests and shape only
  key?: Uint8Array; // makes digests HMAC-SHA-256
}

/** Reads CAUSEWATCH_CAPTURE ("content" or "shape") and CAUSEWATCH_DIGEST_KEY. */
export function fromEnvironment(): Settings {
  const settings: Settings = { content: process.env["CAUSEWATCH_CAPTURE"] === "content" };
  const key = process.env["CAUSEWATCH_DIGEST_KEY"];
  if (key) settings.key = new TextEncoder().encode(key);
  return settings;
}

export class Handoff {
  constructor(
    readonly id: string,
    private readonly span: Span,
    private readonly settings: Settings,
  ) {}

  /** Records what the target was given. */
  received(payload: unknown): void {
    this.record("received", payload);
  }

  /** Writes one side. A payload that has no JSON costs its record, never the agent its run. */
  record(side: "sent" | "received", payload: unknown): void {
    if (!this.span.isRecording()) return;
    try {
      const imprint = imprintOf(payload, this.settings.key);
      if (imprint === undefined) return;
      const name = PREFIX + side;
      this.span.setAttributes({
        [`${name}.sha256`]: imprint.sha256,
        [`${name}.bytes`]: imprint.bytes,
        [`${name}.fields`]: imprint.fields,
      });
      if (imprint.dropped > 0) this.span.setAttribute(`${name}.fields.dropped`, imprint.dropped);
      if (this.settings.key) this.span.setAttribute(`${PREFIX}keyed`, true);
      if (this.settings.content) this.span.setAttribute(name, imprint.text);
    } catch (error) {
      diag.warn(`recording what was ${side}: ${(error as Error).name}`);
    }
  }
}

/** Runs `work`, which is what the target does, as a handoff; an error goes through. */
export async function handoff<T>(
  settings: Settings,
  from: string,
  to: string,
  payload: unknown,
  work: (handoff: Handoff) => Promise<T> | T,
  mode: Mode = "pass_control",
): Promise<T> {
  const [span, made] = start(settings, SpanKind.INTERNAL, from, to, payload, mode);
  return run(span, made, trace.setSpan(context.active(), span), work);
}

/** Records that a payload goes to another agent by a message, and returns its headers. */
export function send(
  settings: Settings,
  from: string,
  to: string,
  payload: unknown,
  carrier: Carrier = {},
  mode: Mode = "pass_control",
): Carrier {
  const [span, made] = start(settings, SpanKind.PRODUCER, from, to, payload, mode);
  propagation.inject(trace.setSpan(context.active(), span), carrier);
  carrier[CARRIER_ID] = made.id;
  carrier[CARRIER_FROM] = percentEncoded(from);
  span.end();
  return carrier;
}

/** Runs `work`, which is what an agent does with a message that `send` announced. */
export async function receive<T>(
  settings: Settings,
  to: string,
  payload: unknown,
  carrier: Carrier,
  work: (handoff: Handoff) => Promise<T> | T,
): Promise<T> {
  const lowered: Carrier = {};
  for (const [key, text] of Object.entries(carrier)) lowered[key.toLowerCase()] = text;
  const here = trace.getSpan(context.active());
  let parent = propagation.extract(context.active(), lowered);
  const sender = propagation.extract(trace.deleteSpan(context.active()), lowered);
  const linked = trace.getSpanContext(sender);
  if (here) parent = trace.setSpan(parent, here);
  const links: Link[] = linked ? [{ context: linked }] : [];
  const id = lowered[CARRIER_ID] || newId();
  const attributes = receiverAttributes(id, decoded(lowered[CARRIER_FROM] ?? ""), to);
  const span = tracer().startSpan(
    `receive ${to}`,
    { kind: SpanKind.CONSUMER, attributes, links },
    parent,
  );
  const made = new Handoff(id, span, settings);
  made.record("received", payload);
  return run(span, made, trace.setSpan(parent, span), work);
}

async function run<T>(
  span: Span,
  made: Handoff,
  within: Context,
  work: (handoff: Handoff) => Promise<T> | T,
): Promise<T> {
  try {
    return await context.with(within, () => work(made));
  } catch (error) {
    // By its type: its text may hold content.
    const name = error instanceof Error ? error.name : typeof error;
    span.setAttribute("error.type", name);
    span.setStatus({ code: SpanStatusCode.ERROR, message: name });
    throw error;
  } finally {
    span.end();
  }
}

function start(
  settings: Settings,
  kind: SpanKind,
  from: string,
  to: string,
  payload: unknown,
  mode: Mode,
): [Span, Handoff] {
  const id = newId();
  const attributes: Attributes = {
    "causewatch.instrument": VERSION,
    [`${PREFIX}id`]: id,
    "gen_ai.operation.name": "handoff",
    "gen_ai.agent.name": from,
    "gen_ai.transfer.mode": mode,
    "gen_ai.transfer.target.name": to,
    [`${PREFIX}from`]: from,
    [`${PREFIX}to`]: to,
    [`${PREFIX}mode`]: mode,
  };
  const span = tracer().startSpan(`handoff ${to}`, { kind, attributes });
  const made = new Handoff(id, span, settings);
  made.record("sent", payload);
  return [span, made];
}

function receiverAttributes(id: string, from: string, to: string): Attributes {
  const attributes: Attributes = {
    "causewatch.instrument": VERSION,
    [`${PREFIX}id`]: id,
    "gen_ai.agent.name": to,
    [`${PREFIX}to`]: to,
  };
  if (from) {
    attributes["gen_ai.caller.type"] = "agent";
    attributes["gen_ai.caller.name"] = from;
    attributes[`${PREFIX}from`] = from;
  }
  return attributes;
}

function percentEncoded(name: string): string {
  const plain = encodeURIComponent(name.toWellFormed());
  return plain.replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

function decoded(header: string): string {
  try {
    return decodeURIComponent(header);
  } catch {
    return "";
  }
}

const tracer = () => trace.getTracer("causewatch.instrument", VERSION);
const newId = () => randomBytes(16).toString("hex");
