"""OTLP bytes to spans and log records, and back. Sans-IO, and strict where loss would be silent."""
