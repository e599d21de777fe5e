"""Admissions: an agent that says that something went wrong passed no lie on."""

from __future__ import annotations

import pytest

from causewatch.blame.admission import admits

ADMITS = [
    "The lookup failed, so I only have part of it.",
    "I could not load all rows.",
    "Note: the data is incomplete.",
    "The service was unavailable.",
    "This is based on partial data.",
    "The order cannot be verified right now.",
    "Leider ist die Abfrage fehlgeschlagen.",
    "Der Dienst ist nicht erreichbar.",
    "La recherche a échoué.",
    "No se pudo leer el pedido.",
    "Your message seems cut off.",
    "接続エラーが発生しました",
]
SILENT = [
    "Refunded 249.90 to the original card.",
    "A partial refund was made.",
    "All rows were loaded.",
    "It is only available in blue.",
    "Everything was verified and confirmed.",
    "",
]


@pytest.mark.parametrize("text", ADMITS)
def test_admissions(text: str) -> None:
    """Words of failure in several languages admit a fault."""
    assert admits(text, told_text="", fault_text="")


@pytest.mark.parametrize("text", SILENT)
def test_no_admissions(text: str) -> None:
    """Plain reports admit nothing, whatever the fault's own message was."""
    assert not admits(text, told_text="", fault_text="upstream timeout after 3000 ms")


def test_a_task_about_errors_admits_nothing() -> None:
    """Words that the run was told anyway are its subject, not an admission."""
    assert not admits("3 jobs failed.", told_text="which jobs failed?", fault_text="")
    assert admits("3 jobs failed.", told_text="which jobs ran?", fault_text="")


def test_an_echo_of_the_faults_message_admits() -> None:
    """Two telling words of the fault's own message are an admission in any language."""
    fault = "warehouse (gateway closed connection)"
    assert admits("The gateway closed on me.", told_text="", fault_text=fault)
    assert not admits("The gateway is fine.", told_text="", fault_text=fault)
    assert not admits("The gateway closed.", told_text="gateway closed", fault_text=fault)
