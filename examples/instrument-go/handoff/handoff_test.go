package handoff

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

type vectors struct {
	Payloads []struct {
		Name, JSON, Canonical, SHA256, Fields string
		Key                                   *string
		Bytes, Dropped                        int
	}
	Names []struct{ Name, Header string }
}

// The vectors are those that the Python library is held to.
func read(t *testing.T) vectors {
	t.Helper()
	text, err := os.ReadFile("../../../tests/vectors/handoff.json")
	if err != nil {
		t.Fatal(err)
	}
	var found vectors
	if err := json.Unmarshal(text, &found); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestImprintsAreThoseOfEveryOtherLanguage(t *testing.T) {
	for _, want := range read(t).Payloads {
		t.Run(want.Name, func(t *testing.T) {
			var key []byte
			if want.Key != nil {
				key, _ = hex.DecodeString(*want.Key)
			}
			got, err := ImprintOf(json.RawMessage(want.JSON), key)
			if err != nil {
				t.Fatal(err)
			}
			if got.Text != want.Canonical {
				t.Errorf("canonical\n got %s\nwant %s", got.Text, want.Canonical)
			}
			if got.SHA256 != want.SHA256 || got.Bytes != want.Bytes || got.Dropped != want.Dropped {
				t.Errorf("got %s, %d bytes, %d dropped", got.SHA256, got.Bytes, got.Dropped)
			}
			if got.Fields != want.Fields {
				t.Errorf("fields\n got %s\nwant %s", got.Fields, want.Fields)
			}
		})
	}
}

func TestIntegersBeyondDoublesKeepTheirDigits(t *testing.T) {
	for read, want := range map[json.Number]string{
		"9007199254740993": "9007199254740993", "1000000000000000000000": "1e+21",
		"1180591620717411303425": "1180591620717411303425", "1e400": "null",
	} {
		if got := number(read); got != want {
			t.Errorf("%s: got %s, want %s", read, got, want)
		}
	}
}

func spans(t *testing.T) *tracetest.SpanRecorder {
	t.Helper()
	recorder := tracetest.NewSpanRecorder()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)))
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(
		propagation.TraceContext{}, propagation.Baggage{}))
	return recorder
}

func attributes(span sdktrace.ReadOnlySpan) map[string]attribute.Value {
	found := map[string]attribute.Value{}
	for _, each := range span.Attributes() {
		found[string(each.Key)] = each.Value
	}
	return found
}

func TestAMessageCarriesTraceAndId(t *testing.T) {
	recorder := spans(t)
	for _, want := range read(t).Names {
		carrier := map[string]string{}
		Send(context.Background(), Settings{}, want.Name, "writer", map[string]int{"n": 1}, carrier, PassControl)
		if carrier[carrierFrom] != want.Header {
			t.Errorf("got %s, want %s", carrier[carrierFrom], want.Header)
		}
		_, h := Receive(context.Background(), Settings{}, "writer", map[string]int{"n": 1}, carrier)
		h.End(nil)
		ended := recorder.Ended()
		sent, got := ended[len(ended)-2], ended[len(ended)-1]
		if attributes(got)[prefix+"from"].AsString() != want.Name {
			t.Errorf("the sender's name is lost: %v", attributes(got))
		}
		if links := got.Links(); len(links) != 1 || links[0].SpanContext.SpanID() != sent.SpanContext().SpanID() {
			t.Errorf("not linked: %v", links)
		}
		if attributes(got)[prefix+"received.sha256"] != attributes(sent)[prefix+"sent.sha256"] {
			t.Error("one payload has two digests")
		}
	}
}

func TestNoContentUnlessAskedFor(t *testing.T) {
	recorder := spans(t)
	for _, content := range []bool{false, true} {
		_, h := Start(context.Background(), Settings{Content: content}, "a", "b", "secret", PassControl)
		h.Received("secr")
		h.End(os.ErrNotExist)
		found := attributes(recorder.Ended()[len(recorder.Ended())-1])
		if _, is := found[prefix+"sent"]; is != content {
			t.Errorf("content %v: %v", content, found)
		}
	}
}

func TestAPayloadWithoutJSONIsNoPanic(t *testing.T) {
	recorder := spans(t)
	_, h := Start(context.Background(), Settings{}, "a", "b", make(chan int), PassControl)
	h.End(nil)
	if _, is := attributes(recorder.Ended()[0])[prefix+"sent.sha256"]; is {
		t.Error("a channel has no digest")
	}
}
