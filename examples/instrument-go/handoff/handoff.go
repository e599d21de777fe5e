// Package handoff makes the handoff between agents an explicit boundary on OpenTelemetry spans, in
// the form that causewatch checks: the same as the Python library causewatch.instrument writes.
package handoff

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Version is told on each span: it marks the span as written in this form.
const Version = "0.1.0"

const (
	prefix      = "causewatch.handoff."
	carrierID   = "causewatch-handoff"
	carrierFrom = "causewatch-handoff-from"
)

// Mode says whether control passes to the target or comes back with a result.
type Mode string

const (
	PassControl    Mode = "pass_control"
	ReturnToCaller Mode = "return_to_caller"
)

// Settings say what is recorded. The zero value records digests and shape, no content.
type Settings struct {
	Content bool   // record the payload itself
	Key     []byte // makes digests HMAC-SHA-256
}

// FromEnvironment reads CAUSEWATCH_CAPTURE ("content" or "shape") and CAUSEWATCH_DIGEST_KEY.
func FromEnvironment() Settings {
	settings := Settings{Content: os.Getenv("CAUSEWATCH_CAPTURE") == "content"}
	if key := os.Getenv("CAUSEWATCH_DIGEST_KEY"); key != "" {
		settings.Key = []byte(key)
	}
	return settings
}

// Handoff is one while it happens. End ends it.
type Handoff struct {
	ID       string
	span     trace.Span
	settings Settings
}

// Start begins a handoff within one program; what the target does belongs under the context it returns.
func Start(ctx context.Context, s Settings, from, to string, payload any, mode Mode) (context.Context, *Handoff) {
	return start(ctx, s, trace.SpanKindInternal, from, to, payload, mode)
}

// Received records what the target was given.
func (h *Handoff) Received(payload any) { h.record("received", payload) }

// End ends the handoff; an error is told by its type, since its text may hold content.
func (h *Handoff) End(err error) {
	if err != nil {
		kind := fmt.Sprintf("%T", err)
		h.span.SetAttributes(attribute.String("error.type", kind))
		h.span.SetStatus(codes.Error, kind)
	}
	h.span.End()
}

// Send records that a payload goes to another agent by a message, and writes its headers.
func Send(ctx context.Context, s Settings, from, to string, payload any, carrier map[string]string, mode Mode) {
	ctx, h := start(ctx, s, trace.SpanKindProducer, from, to, payload, mode)
	defer h.End(nil)
	otel.GetTextMapPropagator().Inject(ctx, propagation.MapCarrier(carrier))
	carrier[carrierID] = h.ID
	carrier[carrierFrom] = strings.ReplaceAll(url.QueryEscape(from), "+", "%20")
}

// Receive begins what an agent does with a message that Send announced.
func Receive(ctx context.Context, s Settings, to string, payload any, carrier map[string]string) (context.Context, *Handoff) {
	lowered := propagation.MapCarrier{}
	for key, text := range carrier {
		lowered[strings.ToLower(key)] = text
	}
	remote := otel.GetTextMapPropagator().Extract(ctx, lowered)
	sender := trace.SpanContextFromContext(remote)
	if here := trace.SpanContextFromContext(ctx); here.IsValid() && !here.IsRemote() {
		remote = trace.ContextWithSpan(remote, trace.SpanFromContext(ctx))
	}
	id := lowered[carrierID]
	if id == "" {
		id = newID()
	}
	attributes := []attribute.KeyValue{
		attribute.String("causewatch.instrument", Version),
		attribute.String(prefix+"id", id),
		attribute.String("gen_ai.agent.name", to),
		attribute.String(prefix+"to", to),
	}
	if from, err := url.PathUnescape(lowered[carrierFrom]); err == nil && from != "" {
		attributes = append(attributes,
			attribute.String("gen_ai.caller.type", "agent"),
			attribute.String("gen_ai.caller.name", from),
			attribute.String(prefix+"from", from))
	}
	options := []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(attributes...),
	}
	if sender.IsValid() && sender.IsRemote() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: sender}))
	}
	ctx, span := tracer().Start(remote, "receive "+to, options...)
	h := &Handoff{ID: id, span: span, settings: s}
	h.record("received", payload)
	return ctx, h
}

func start(ctx context.Context, s Settings, kind trace.SpanKind, from, to string, payload any, mode Mode) (context.Context, *Handoff) {
	id := newID()
	ctx, span := tracer().Start(ctx, "handoff "+to, trace.WithSpanKind(kind), trace.WithAttributes(
		attribute.String("causewatch.instrument", Version),
		attribute.String(prefix+"id", id),
		attribute.String("gen_ai.operation.name", "handoff"),
		attribute.String("gen_ai.agent.name", from),
		attribute.String("gen_ai.transfer.mode", string(mode)),
		attribute.String("gen_ai.transfer.target.name", to),
		attribute.String(prefix+"from", from),
		attribute.String(prefix+"to", to),
		attribute.String(prefix+"mode", string(mode)),
	))
	h := &Handoff{ID: id, span: span, settings: s}
	h.record("sent", payload)
	return ctx, h
}

// record writes one side. A payload that has no JSON costs its record, never the agent its run.
func (h *Handoff) record(side string, payload any) {
	if !h.span.IsRecording() {
		return
	}
	imprint, err := ImprintOf(payload, h.settings.Key)
	if err != nil {
		otel.Handle(fmt.Errorf("recording what was %s: %T", side, err))
		return
	}
	name := prefix + side
	attributes := []attribute.KeyValue{
		attribute.String(name+".sha256", imprint.SHA256),
		attribute.Int(name+".bytes", imprint.Bytes),
		attribute.String(name+".fields", imprint.Fields),
	}
	if imprint.Dropped > 0 {
		attributes = append(attributes, attribute.Int(name+".fields.dropped", imprint.Dropped))
	}
	if h.settings.Key != nil {
		attributes = append(attributes, attribute.Bool(prefix+"keyed", true))
	}
	if h.settings.Content {
		attributes = append(attributes, attribute.String(name, imprint.Text))
	}
	h.span.SetAttributes(attributes...)
}

func tracer() trace.Tracer {
	return otel.Tracer("causewatch.instrument", trace.WithInstrumentationVersion(Version))
}

func newID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	return hex.EncodeToString(id)
}
