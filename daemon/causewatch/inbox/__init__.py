"""The durable inbox: OTLP requests as received, committed before they are acknowledged."""
