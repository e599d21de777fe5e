"""The command line. Each command is one file; progress and logs go to stderr, answers to stdout."""
