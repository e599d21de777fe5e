import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { SpanStatusCode } from "@opentelemetry/api";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { handoff, receive, send } from "./handoff.js";
import { imprintOf } from "./imprint.js";

interface Vectors {
  payloads: {
    name: string;
    json: string;
    key: string | null;
    canonical: string;
    sha256: string;
    bytes: number;
    fields: string;
    dropped: number;
  }[];
  names: { name: string; header: string }[];
}

const vectors = JSON.parse(
  readFileSync(new URL("../../../tests/vectors/handoff.json", import.meta.url), "utf8"),
) as Vectors;
const exporter = new InMemorySpanExporter();
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();

function last() {
  const spans = exporter.getFinishedSpans();
  const span = spans[spans.length - 1];
  assert.ok(span);
  return span;
}

for (const want of vectors.payloads) {
  test(`the imprint is that of every other language: ${want.name}`, () => {
    const key = want.key === null ? undefined : Buffer.from(want.key, "hex");
    const got = imprintOf(JSON.parse(want.json), key);
    assert.deepEqual(got, {
      text: want.canonical,
      sha256: want.sha256,
      bytes: want.bytes,
      fields: want.fields,
      dropped: want.dropped,
    });
  });
}

test("a message carries the trace, the id and the sender's name in any script", async () => {
  for (const { name, header } of vectors.names) {
    const carrier = send({}, name, "writer", { n: 1 });
    const sent = last();
    assert.equal(carrier["causewatch-handoff-from"], header);
    await receive({}, "writer", { n: 1 }, carrier, () => undefined);
    const got = last();
    assert.equal(got.attributes["causewatch.handoff.from"], name);
    assert.equal(got.attributes["causewatch.handoff.id"], sent.attributes["causewatch.handoff.id"]);
    assert.equal(got.spanContext().traceId, sent.spanContext().traceId);
    assert.deepEqual(got.links.map((link) => link.context.spanId), [sent.spanContext().spanId]);
    assert.equal(
      got.attributes["causewatch.handoff.received.sha256"],
      sent.attributes["causewatch.handoff.sent.sha256"],
    );
  }
});

test("a message without headers is received all the same", async () => {
  await receive({}, "writer", 1, {}, () => undefined);
  assert.deepEqual(last().links, []);
});

test("no content unless asked for, and an error goes through by its type", async () => {
  const failing = handoff({}, "a", "b", "secret", (boundary) => {
    boundary.received("secr");
    throw new RangeError("secret");
  });
  await assert.rejects(failing, RangeError);
  const { attributes, status, events } = last();
  assert.ok(!JSON.stringify({ attributes, status, events }).includes("secret"));
  assert.equal(status.code, SpanStatusCode.ERROR);
  await handoff({ content: true }, "a", "b", "secret", () => undefined);
  assert.equal(last().attributes["causewatch.handoff.sent"], '"secret"');
});

test("a payload without JSON is no error of the agent's", async () => {
  const loop: Record<string, unknown> = {};
  loop["self"] = loop;
  assert.equal(await handoff({}, "a", "b", loop, () => 7), 7);
  await handoff({}, "a", "b", undefined, () => undefined);
  assert.equal(last().attributes["causewatch.handoff.sent.sha256"], undefined);
});
