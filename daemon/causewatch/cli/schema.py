"""``causewatch schema``: what editors and CI need."""

from __future__ import annotations

import click
import msgspec

from causewatch.cli.options import format_option, is_json

SETUP = """\
Editors that use the YAML language server (VS Code with redhat.vscode-yaml, Neovim, Helix and
others) take a schema from the first line of a file:

  # yaml-language-server: $schema=rules.schema.json

or for all files at once, in the editor's settings:

  "yaml.schemas": {
    "rules.schema.json": ["rules/**/*.yaml", "!rules/**/*_test.yaml"],
    "tests.schema.json": "rules/**/*_test.yaml",
    "config.schema.json": "causewatch.yaml"
  }

Write the files first, for example:

  causewatch schema rules.schema.json > rules.schema.json

`causewatch init DIR` writes a folder of rules in which all of this is set up.
"""


@click.command()
@click.argument("name", required=False)
@format_option
def command(name: str | None, form: str) -> None:
    """Print the schema NAME; without it, list the schemas and how an editor is set up."""
    from causewatch.app.schemas import SCHEMAS, schema_text  # noqa: PLC0415  # start-up

    if name is not None:
        found = name if name in SCHEMAS else f"{name}.schema.json"
        if found not in SCHEMAS:
            known = ", ".join(SCHEMAS)
            raise click.UsageError(f"there is no schema {name!r}; there are: {known}")
        click.echo(schema_text(found), nl=False)
        return
    for each, (what, _) in SCHEMAS.items():
        line = msgspec.json.encode({"name": each, "what": what})
        click.echo(line if is_json(form) else f"{each:<28}{what}")
    if not is_json(form):
        click.echo(f"\n{SETUP}", nl=False)
