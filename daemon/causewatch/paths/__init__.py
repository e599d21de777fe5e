"""Path templates: what shape a workflow's run may have, and where a run left it."""
