// Three agents settle a claim about a lost parcel, told with the OpenTelemetry SDK for Go as its users set
// it up; the standard OTEL_EXPORTER_OTLP_* variables say where spans go.
//
// Usage: agents healthy|cut        prints one line of JSON, naming the trace and all of its spans
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const claim = "Claim PX-4400: my parcel is lost. I declared 184.50 EUR. Please pay."

type object = map[string]any

// brief is what intake hands over to the adjuster.
type brief struct {
	Claim       string `json:"claim"`
	Parcel      string `json:"parcel"`
	Route       string `json:"route"`
	Complaint   string `json:"complaint"`
	Declared    int    `json:"declared_value_cents"`
	Insured     bool   `json:"insured"`
	Instruction string `json:"instruction"`
}

var handedOver = brief{
	Claim:       "PX-4400",
	Parcel:      "RR583000000NL",
	Route:       "Utrecht to Tampere, depot Luebeck, last scan on the ferry at Travemuende",
	Complaint:   "The parcel never reached the recipient; the sender asks for its full value.",
	Declared:    18450,
	Insured:     true,
	Instruction: "Pay no more than the declared value, and only to the sender's account.",
}

// told is what the test learns of a run.
type told struct {
	TraceID string   `json:"trace_id"`
	Handoff string   `json:"handoff"`
	Spans   []string `json:"spans"`
}

// desk holds the agents; each of its methods is one span or one agent's turn.
type desk struct {
	tracer trace.Tracer
	told   told
}

func main() {
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, story string) error {
	exporter, err := newExporter(ctx)
	if err != nil {
		return err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))
	otel.SetTracerProvider(provider)
	d := &desk{tracer: otel.Tracer("parcel_agents")}
	d.settle(ctx, story)
	if err := provider.Shutdown(ctx); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(d.told)
}

// newExporter reads the one variable that the exporters leave to the program.
func newExporter(ctx context.Context) (*otlptrace.Exporter, error) {
	if os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL") == "grpc" {
		return otlptracegrpc.New(ctx)
	}
	return otlptracehttp.New(ctx)
}

// hard is what is hard to carry.
func hard() []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.Int64("hard.beyond_2_53", 1<<53+1),
		attribute.Int64("hard.negative", -1<<63),
		attribute.Float64("hard.fraction", 0.1),
		attribute.Int64Slice("hard.ints", []int64{1<<63 - 1, 0, -1}),
		attribute.StringSlice("hard.texts", []string{"", "naïve", "漢字"}),
		attribute.BoolSlice("hard.flags", []bool{true, false}),
		attribute.String("hard.text", "Übergabe, 漢字 \x00 \U0001F4E6 \"quoted\"\n"),
		attribute.ByteSlice("hard.bytes", []byte{0, 255, 128, 'c', 'w'}),
		attribute.Slice("hard.nested",
			attribute.Int64SliceValue([]int64{1<<53 + 1, 2}),
			attribute.SliceValue(
				attribute.StringValue("deep"),
				attribute.MapValue(attribute.Bool("leaf", true), attribute.ByteSlice("raw", []byte{255})),
			),
		),
	}
}

func text(role, content string) string {
	return encode([]object{{"role": role, "parts": []object{{"type": "text", "content": content}}}})
}

func asks(id, name string, arguments any) string {
	part := object{"type": "tool_call", "id": id, "name": name, "arguments": arguments}
	return encode([]object{{"role": "assistant", "parts": []object{part}}})
}

func encode(value any) string {
	written, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(written)
}

func (d *desk) span(ctx context.Context, operation, name, agent string, attributes ...attribute.KeyValue) (context.Context, trace.Span) {
	ctx, span := d.tracer.Start(ctx, operation+" "+name)
	d.told.Spans = append(d.told.Spans, span.SpanContext().SpanID().String())
	span.SetAttributes(attribute.String("gen_ai.operation.name", operation))
	if agent != "" {
		span.SetAttributes(attribute.String("gen_ai.agent.name", agent))
	}
	span.SetAttributes(attributes...)
	return ctx, span
}

func (d *desk) chat(ctx context.Context, agent, taken, given string) {
	_, span := d.span(ctx, "chat", "example-large", agent,
		attribute.String("gen_ai.request.model", "example-large"),
		attribute.String("gen_ai.input.messages", taken),
		attribute.String("gen_ai.output.messages", given))
	span.End()
}

func (d *desk) tool(ctx context.Context, agent, name, id string, arguments any, result string) string {
	_, span := d.span(ctx, "execute_tool", name, agent,
		attribute.String("gen_ai.tool.name", name),
		attribute.String("gen_ai.tool.call.id", id),
		attribute.String("gen_ai.tool.call.arguments", encode(arguments)),
		attribute.String("gen_ai.tool.call.result", result))
	span.End()
	return span.SpanContext().SpanID().String()
}

func (d *desk) settle(ctx context.Context, story string) {
	ctx, root := d.span(ctx, "invoke_workflow", "parcel_claims", "", attribute.String("gen_ai.workflow.name", "parcel_claims"))
	defer root.End()
	root.SetAttributes(hard()...)
	d.told.TraceID = root.SpanContext().TraceID().String()
	d.intake(ctx)
	sent := encode(handedOver)
	if story == "cut" {
		sent = sent[:len(sent)/2]
	}
	letter := d.letterWriter(ctx, d.adjuster(ctx, sent))
	root.SetAttributes(attribute.String("gen_ai.output.messages", text("assistant", letter)))
}

func (d *desk) intake(ctx context.Context) {
	ctx, span := d.span(ctx, "invoke_agent", "intake", "intake", attribute.String("gen_ai.input.messages", text("user", claim)))
	defer span.End()
	d.chat(ctx, "intake", text("user", claim), asks("call_adjuster", "transfer_to_adjuster", handedOver))
	d.told.Handoff = d.tool(ctx, "intake", "transfer_to_adjuster", "call_adjuster", handedOver, "Transferred to adjuster")
}

func (d *desk) adjuster(ctx context.Context, received string) string {
	ctx, span := d.span(ctx, "invoke_agent", "adjuster", "adjuster", attribute.String("gen_ai.input.messages", text("user", received)))
	defer span.End()
	arguments := object{"parcel": handedOver.Parcel}
	d.chat(ctx, "adjuster", text("user", received), asks("call_tariff", "tariff_lookup", arguments))
	tariff := encode(object{"flat_rate_cents": 2500, "valid_until": "2031-12-31"})
	d.tool(ctx, "adjuster", "tariff_lookup", "call_tariff", arguments, tariff)
	amount := "25.00"
	if strings.Contains(received, "declared_value_cents") {
		amount = "184.50"
	}
	decision := encode(object{
		"decision": "Settle the claim with " + amount + " EUR to the sender's account.",
		"grounds":  "The tariff has a flat rate of 25.00 EUR for parcels without value.",
	})
	d.chat(ctx, "adjuster", text("tool", tariff), text("assistant", decision))
	span.SetAttributes(attribute.String("gen_ai.output.messages", text("assistant", decision)))
	return decision
}

func (d *desk) letterWriter(ctx context.Context, decision string) string {
	ctx, span := d.span(ctx, "invoke_agent", "letter_writer", "letter_writer", attribute.String("gen_ai.input.messages", text("user", decision)))
	defer span.End()
	var found struct{ Decision string }
	if err := json.Unmarshal([]byte(decision), &found); err != nil {
		panic(err)
	}
	letter := "Dear sender, we have decided. " + found.Decision
	d.chat(ctx, "letter_writer", text("user", decision), text("assistant", letter))
	span.SetAttributes(attribute.String("gen_ai.output.messages", text("assistant", letter)))
	return letter
}
