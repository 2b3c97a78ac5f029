"""An alert of the SIOC's own: previewed first, and sent exactly as it was previewed.

The preview is the pipeline's own functions on the policy of this moment. What is sent carries the preview's token: a
keyed digest of the draft and of everything that the preview said, so that a draft, or a consent, that has changed since
then is previewed again and not sent (SLT-24).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from threading import Lock
from typing import Any, NamedTuple

import orjson

from services.console.told import PRINCIPAL
from services.core.audit import Row
from services.core.draft import Locate
from services.core.gates import Code
from services.core.sioc import SIOC
from services.core.stage import Refusal
from services.core.words import SENTENCES, projection_words
from services.runtime.archive import Archive
from services.runtime.policies import NOW, Past, load_past, policy_of
from services.runtime.preview import Preview, locator, preview
from services.runtime.settings import Settings
from services.runtime.submit import Submitter

_PLACE = ("country", "latitude", "longitude", "precision")
Json = dict[str, Any]


class Sent(NamedTuple):
    """What became of a draft that was to be sent."""

    series_id: str
    """Empty: it was not sent."""
    preview: Json
    """As it is now."""


class Unsent(Exception):  # noqa: N818  what the caller answers with
    """Kafka did not confirm the report: whether it was sent is not known."""


class Drafts:
    """Previews and sends; the gazetteer and slt.control are read once and kept."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is read yet; the first preview takes about three seconds."""
        self._settings = settings
        self._key = settings.secret(f"{PRINCIPAL}.password")
        self._lock = Lock()
        self._archive: Archive | None = None
        self._past: Past | None = None
        self._locate: Locate | None = None

    def preview(self, draft: Mapping[str, Any]) -> Json:
        """Who would get it now and how much, who would not and why, what to change first, and the token."""
        with self._lock:
            found = self._previewed(draft)
        told = _told(found)
        return {**told, "token": self._token(draft, told)}

    def send(self, draft: Mapping[str, Any], token: str) -> Sent:
        """Submit it as the SIOC if its preview is still the one with this token. Unsent: nobody knows if it was."""
        now = self.preview(draft)
        if now["problems"] or not hmac.compare_digest(now["token"].encode(), token.encode()):
            return Sent("", now)
        series = f"console-{secrets.token_hex(6)}"
        submitter = Submitter(self._settings, SIOC)
        try:
            submitter.send(orjson.dumps({**_submission(draft), "series_id": series}))
            if not submitter.finish().complete:
                raise Unsent
        finally:
            submitter.close()
        return Sent(f"{SIOC}/{series}", now)

    def _previewed(self, draft: Mapping[str, Any]) -> Preview:
        if self._archive is None or self._locate is None:
            self._archive, self._locate = Archive(self._settings, PRINCIPAL), locator(self._settings)
        past = self._read(self._archive)
        return preview(_submission(draft), SIOC, policy_of(past, NOW), past.now, self._locate)

    def _read(self, archive: Archive) -> Past:
        """slt.control as it is now; what was read before is not read again."""
        before = self._past
        fresh = load_past(self._settings, archive, before)
        self._past = fresh._replace(records=(*before.records, *fresh.records)) if before else fresh
        return self._past

    def _token(self, draft: Mapping[str, Any], told: Json) -> str:
        text = orjson.dumps([dict(draft), told], option=orjson.OPT_SORT_KEYS)
        return hmac.digest(self._key, text, hashlib.sha256).hex()


def _submission(draft: Mapping[str, Any]) -> Json:
    """The record for slt.in.sioc; empty fields are left out, so that they have their defaults."""
    plain = {name: value for name, value in draft.items() if name not in _PLACE and value not in {None, ""}}
    place = {name: draft[name] for name in _PLACE if draft.get(name) not in {None, ""}}
    return {**plain, "series_id": "draft", "version": 1, "message": "ALERT", "place": place}


def _told(found: Preview) -> Json:
    problems = [_problem(found.refusal)] if found.refusal else []
    shown = [told for told in found.rows if told["target"] == "SHOW"]
    others = [told for told in found.rows if told["target"] != "SHOW"]
    return {
        "would": [
            {"recipient": org, "name": org, "projection": projection_words(told["projection"])}
            for org, told in _each(shown)
        ],
        "would_not": [
            {"recipient": org, "name": org, "primary": told["primary"], "text": SENTENCES[Code(told["primary"])]}
            for org, told in _each(others)
            if org != SIOC
        ],
        "problems": problems,
    }


def _each(rows: list[Row]) -> list[tuple[str, Row]]:
    return sorted(((org, told) for told in rows for org in told["recipients"]), key=lambda pair: pair[0])


def _problem(refusal: Refusal) -> Json:
    return {"field": refusal.field or "draft", "detail": f"{refusal.advice} ({refusal.reason})"}
