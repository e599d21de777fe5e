"""OTLP over gRPC and HTTP into the inbox: what is acknowledged is stored, what is not is said."""
