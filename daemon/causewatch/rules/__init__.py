"""Rules as code: strict YAML in, a checked bundle out; runs in, findings and alerts out."""
