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
    "データを取得できませんでした。",
    "Сервер недоступен.",
    "Não consegui ler o pedido.",
    "我无法访问系统。",
    "لم أتمكن من الوصول إلى النظام.",
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


AGES = [
    "The figures are from an old snapshot and may have changed.",
    "12.40 EUR, as of 2026-02-11.",
    "Der Preis ist veraltet.",
    "12,40 EUR (Stand vom 11.02.)",
    "Le tarif n'est pas à jour.",
    "El dato está desactualizado.",
    "Os dados estão desatualizados.",
    "Данные устарели.",
    "この価格は古い可能性があります。",
    "数据截至二月。",
    "هذا السعر قديم.",
]


@pytest.mark.parametrize("text", AGES)
def test_telling_the_age_of_a_value_admits_that_it_is_old(text: str) -> None:
    """Who says of what day a value is passes no lie on; of another fault that says nothing."""
    assert admits(text, told_text="", fault_text="", is_age=True)
    assert not admits(text, told_text="", fault_text="")


@pytest.mark.parametrize("text", SILENT)
def test_plain_reports_tell_no_age(text: str) -> None:
    """A value without its day is told as today's."""
    assert not admits(text, told_text="", fault_text="", is_age=True)


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
