// Three agents settle a claim about a lost parcel, told with the OpenTelemetry SDK for Node as its users
// set it up: NodeSDK, and nothing but the standard OTEL_* variables to say where spans go.
//
// Usage: node agents.js healthy|cut        prints one line of JSON, naming the trace and all of its spans
import { trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';

const spanIds = [];
const tracer = trace.getTracer('parcel_agents');

// What is hard to carry, as far as this SDK takes it: no bytes, nothing nested, and no integer that a
// JavaScript number cannot hold.
const HARD = {
  'hard.beyond_2_53': 2 ** 53 + 2,
  'hard.negative': -(2 ** 53) - 2,
  'hard.fraction': 0.1,
  'hard.ints': [2 ** 53 + 2, 0, -1],
  'hard.texts': ['', 'naïve', '漢字'],
  'hard.flags': [true, false],
  'hard.text': 'Übergabe, 漢字 \u0000 \u{1F4E6} "quoted"\n',
};

const text = (role, content) => JSON.stringify([{ role, parts: [{ type: 'text', content }] }]);
const asks = (id, name, args) =>
  JSON.stringify([{ role: 'assistant', parts: [{ type: 'tool_call', id, name, arguments: args }] }]);

function span(operation, name, agent, attributes, inside = () => {}) {
  return tracer.startActiveSpan(`${operation} ${name}`, (opened) => {
    spanIds.push(opened.spanContext().spanId);
    opened.setAttributes({ 'gen_ai.operation.name': operation, ...attributes });
    if (agent) opened.setAttribute('gen_ai.agent.name', agent);
    try {
      return inside(opened);
    } finally {
      opened.end();
    }
  });
}

// Models and tools take their time. Spans of this SDK begin on whole milliseconds: else all would begin at once.
const WORK_MS = 3;
const work = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WORK_MS);

const chat = (agent, taken, given) =>
  span('chat', 'example-large', agent, {
    'gen_ai.request.model': 'example-large',
    'gen_ai.input.messages': taken,
    'gen_ai.output.messages': given,
  }, work);

const tool = (agent, name, id, args, result) =>
  span('execute_tool', name, agent, {
    'gen_ai.tool.name': name,
    'gen_ai.tool.call.id': id,
    'gen_ai.tool.call.arguments': JSON.stringify(args),
    'gen_ai.tool.call.result': result,
  }, (opened) => {
    work();
    return opened.spanContext().spanId;
  });

const BRIEF = {
  claim: 'PX-4400',
  parcel: 'RR583000000NL',
  route: 'Utrecht to Tampere, depot Luebeck, last scan on the ferry at Travemuende',
  complaint: 'The parcel never reached the recipient; the sender asks for its full value.',
  declared_value_cents: 18450,
  insured: true,
  instruction: "Pay no more than the declared value, and only to the sender's account.",
};
const CLAIM = 'Claim PX-4400: my parcel is lost. I declared 184.50 EUR. Please pay.';

function adjuster(received) {
  return span('invoke_agent', 'adjuster', 'adjuster', { 'gen_ai.input.messages': text('user', received) }, (opened) => {
    const args = { parcel: BRIEF.parcel };
    chat('adjuster', text('user', received), asks('call_tariff', 'tariff_lookup', args));
    const tariff = JSON.stringify({ flat_rate_cents: 2500, valid_until: '2031-12-31' });
    tool('adjuster', 'tariff_lookup', 'call_tariff', args, tariff);
    const amount = received.includes('declared_value_cents') ? '184.50' : '25.00';
    const decision = JSON.stringify({
      decision: `Settle the claim with ${amount} EUR to the sender's account.`,
      grounds: 'The tariff has a flat rate of 25.00 EUR for parcels without value.',
    });
    chat('adjuster', text('tool', tariff), text('assistant', decision));
    opened.setAttribute('gen_ai.output.messages', text('assistant', decision));
    return decision;
  });
}

function letterWriter(decision) {
  return span('invoke_agent', 'letter_writer', 'letter_writer', { 'gen_ai.input.messages': text('user', decision) }, (opened) => {
    const letter = `Dear sender, we have decided. ${JSON.parse(decision).decision}`;
    chat('letter_writer', text('user', decision), text('assistant', letter));
    opened.setAttribute('gen_ai.output.messages', text('assistant', letter));
    return letter;
  });
}

function run(story) {
  return span('invoke_workflow', 'parcel_claims', '', { 'gen_ai.workflow.name': 'parcel_claims', ...HARD }, (root) => {
    const handoff = span('invoke_agent', 'intake', 'intake', { 'gen_ai.input.messages': text('user', CLAIM) }, () => {
      chat('intake', text('user', CLAIM), asks('call_adjuster', 'transfer_to_adjuster', BRIEF));
      return tool('intake', 'transfer_to_adjuster', 'call_adjuster', BRIEF, 'Transferred to adjuster');
    });
    const sent = JSON.stringify(BRIEF);
    const letter = letterWriter(adjuster(story === 'cut' ? sent.slice(0, sent.length / 2) : sent));
    root.setAttribute('gen_ai.output.messages', text('assistant', letter));
    return { trace_id: root.spanContext().traceId, handoff, spans: spanIds };
  });
}

const sdk = new NodeSDK();
sdk.start();
const told = run(process.argv[2]);
await sdk.shutdown();
console.log(JSON.stringify(told));
