// A depot agent in Go. It reads messages (one JSON object with headers and body a line) from standard
// input, as from a queue, does its part, and hands the result on to the next agent on standard output.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/causewatch/causewatch/examples/instrument-go/handoff"
)

type message struct {
	Headers map[string]string `json:"headers"`
	Body    map[string]any    `json:"body"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	ctx := context.Background()
	exporter, err := otlptracehttp.New(ctx) // OTEL_EXPORTER_OTLP_ENDPOINT says where to
	if err != nil {
		return err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(
		propagation.TraceContext{}, propagation.Baggage{}))
	scanner := bufio.NewScanner(os.Stdin)
	for scanner.Scan() {
		var got message
		if err := json.Unmarshal(scanner.Bytes(), &got); err != nil {
			return err
		}
		work(ctx, got)
	}
	return provider.Shutdown(ctx)
}

func work(ctx context.Context, got message) {
	settings := handoff.FromEnvironment()
	ctx, received := handoff.Receive(ctx, settings, "depot", got.Body, got.Headers)
	defer received.End(nil)
	next := message{Headers: map[string]string{}, Body: map[string]any{
		"order": got.Body["order"], "stops": got.Body["stops"], "checked": true,
	}}
	handoff.Send(ctx, settings, "depot", "courier", next.Body, next.Headers, handoff.PassControl)
	_ = json.NewEncoder(os.Stdout).Encode(next)
}
