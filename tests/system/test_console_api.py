"""The console's API against its own document: made-up requests, and answers that the document must state."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support import World
from tests.system.test_console import Console, console  # noqa: F401  a fixture

pytestmark = pytest.mark.kafka
ENDLESS = {"/api/stream"}
ENDING = {"/api/sign-out", "/api/sign-in"}
"""They end the session that asks, or lock an account: tests/system/test_console.py has them."""
EXAMPLES = 12
STATED = [status_code_conformance, content_type_conformance, response_schema_conformance]


def test_every_answer_is_one_that_the_document_states(sight: World, console: Console) -> None:  # noqa: F811
    document = console.client().get("/api/openapi.json").json()
    asked = 0
    for name, person in (("Ada", console.signed_in("Ada")), ("Omar", console.signed_in("Omar")),
                         ("Udo", console.signed_in("Udo"))):  # fmt: skip
        headers = {key: person.headers[key] for key in ("Cookie", "X-SLT-CSRF")}
        for operation in operations(document):
            asked += ask(operation, console.address, headers, name)
    assert asked > 3 * EXAMPLES


def operations(document: dict[str, Any]) -> list[Any]:
    every = list(schemathesis.openapi.from_dict(document).get_all_operations())
    found = [result.ok() for result in every if isinstance(result, Ok)]
    assert len(found) == len(every), "the document can be read"
    return [one for one in found if one.path not in ENDLESS | ENDING]


def ask(operation: Any, address: str, headers: dict[str, str], name: str) -> int:
    """How many requests were answered as stated."""
    answered = []

    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy())
    def run(case: Any) -> None:
        answer = case.call(base_url=address, headers=headers)
        assert answer.status_code < 500 or answer.status_code == 503, (name, operation.label)
        case.validate_response(answer, checks=STATED)
        answered.append(answer.status_code)

    run()
    return len(answered)
