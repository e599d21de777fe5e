"""Made-up runs of agent systems, healthy and faulty, as OTLP spans with their ground truth."""
