// An order desk in TypeScript. It reads messages (one JSON object with headers and body a line) from
// standard input, as from a queue, does its part, and hands the result on to the next agent on standard
// output.
import { createInterface } from "node:readline";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { type Carrier, fromEnvironment, receive, send } from "./handoff.js";

interface Message {
  headers: Carrier;
  body: Record<string, unknown>;
}

const provider = new NodeTracerProvider({
  // OTEL_EXPORTER_OTLP_ENDPOINT says where to.
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
});
provider.register();
const settings = fromEnvironment();

for await (const line of createInterface({ input: process.stdin })) {
  const got = JSON.parse(line) as Message;
  await receive(settings, "desk", got.body, got.headers, () => {
    const body = { order: got.body["order"], stops: got.body["stops"] };
    const headers = send(settings, "desk", "depot", body);
    console.log(JSON.stringify({ headers, body }));
  });
}
await provider.shutdown();
