"""INTAKE: authenticates by topic, validates, normalises, answers; and is the only writer of slt.control.

Replays of a record are harmless here: a report goes on and correlate knows it again; a control version that is entered
already is answered and not entered twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from services.core.acknowledgement import read_acknowledgement
from services.core.ahead import Ahead, Entered
from services.core.authority import Change as ControlChange
from services.core.authority import Signed, authorise, control_fields
from services.core.control import Grant, PartnerStatus
from services.core.control_read import read_control
from services.core.draft import Arrival, normalised
from services.core.fold import continues
from services.core.ids import Ids
from services.core.notice import notice_output
from services.core.onward import read_onward
from services.core.quarantine import Quarantine
from services.core.reason import Reason
from services.core.receipt import Encode, Receipt, ReceiptResult, receipt_output
from services.core.stage import Moment, Outcome, Output, Record, Refusal, Result, State
from services.core.submission import read_submission
from services.runtime.codec import Codec
from services.runtime.inbound import Inbound, Opener, from_base64, load_json, verify_ed25519
from services.runtime.processor import Assignment, Processor, Stage
from services.runtime.settings import Limits, Settings

REPORTS, CONSENT = "slt.in.", "slt.consent."


class Tools(NamedTuple):
    """What every partition's task of one process shares."""

    opener: Opener
    encode: Encode
    limits: Limits
    ids: Ids
    """To tell an acknowledgement of what was delivered from one of what was not."""


class Intake:
    """The task of one partner topic."""

    def __init__(self, topic: str, tools: Tools) -> None:
        """`topic` is slt.in.<org> or slt.consent.<org>: it says who sends, whatever the record says."""
        self._consents = topic.startswith(CONSENT)
        self._org = topic.removeprefix(CONSENT if self._consents else REPORTS)
        self._tools = tools
        self._quarantine = Quarantine(tools.limits.quarantine_share, tools.limits.quarantine_window)
        self._entered: dict[str, Entered] = {}
        self._form = ""
        """What this organisation's receipts are encoded as, as of the record at hand."""
        self._readers: Mapping[str, Callable[[Record, Any, Moment], Result]] = {
            "signed": self._control,
            "acknowledgement": self._acknowledgement,
            "onward_request": self._onward,
        }

    def handle(self, record: Record, moment: Moment) -> Result:
        """ACCEPTED, CONTROLLED, ACKNOWLEDGED or DUPLICATE with a receipt; REFUSED with one that says what to change."""
        self._form = moment.policy.notice_format(self._org)
        if self._quarantine.holds(record.appended):
            refusal = Refusal(Reason.QUARANTINED, "most of your last records were refused: mend them, wait a minute")
            return self._refused(record, refusal)
        result = self._read(record, moment)
        self._quarantine.seen(record.appended, bad=result.outcome is Outcome.REFUSED)
        return result

    def applied(self, result: Result) -> None:
        """Remember what was entered in slt.control and cannot be read back yet."""
        for output in result.outputs:
            if output.topic == "slt.control" and not isinstance(output.value, bytes):
                version, payload = output.value["version"], output.value["payload"]
                found = read_control(load_json(payload))
                if not isinstance(found, Refusal):
                    self._entered[output.key] = Entered(version, payload, found[2])

    def work(self, moment: Moment, limit: int) -> Iterable[Result]:
        """Intake owes nothing by time."""
        return ()

    def _read(self, record: Record, moment: Moment) -> Result:
        opened = self._tools.opener.open(record.value, self._certificates(moment), record.appended)
        if isinstance(opened, Refusal):
            return self._refused(record, opened)
        if (opened.kind == "signed") != self._consents:
            advice = "signed changes go to slt.consent.<org>, reports and acknowledgements to slt.in.<org>"
            return self._refused(record, Refusal(Reason.BAD_TOPIC, advice))
        if opened.kind == "submission":
            return self._report(record, opened, moment)
        return self._readers[opened.kind](record, opened.fields, moment)

    def _certificates(self, moment: Moment) -> tuple[str, ...]:
        partner = moment.policy.partner(self._org)
        return partner.certificates if partner else ()

    # -- reports ------------------------------------------------------------------------------------------------------

    def _report(self, record: Record, opened: Inbound, moment: Moment) -> Result:
        partner = moment.policy.partner(self._org)
        if partner is None or partner.status is not PartnerStatus.ACTIVE:
            return self._refused(record, Refusal(Reason.NOT_ACTIVE, "only active partners submit: ask the secretariat"))
        found = read_submission(opened.fields, record.appended)
        if isinstance(found, Refusal):
            return self._refused(record, found)
        note = self._note(found, moment) or opened.note
        report = normalised(found, self._org, Arrival(record.source, record.appended, moment.epoch))
        answer = self._receipt(record, ReceiptResult.NOTED if note else ReceiptResult.ACCEPTED)._replace(
            series_id=report["series_id"], version=report["version"], reason=note.reason if note else None,
            advice=note.advice if note else "", field=note.field if note else "",
        )  # fmt: skip
        outputs = (Output("slt.reports", report["series_id"], "report", report), self._answer(answer))
        return Result(Outcome.ACCEPTED, outputs, note=note.reason if note else None)

    def _note(self, found: dict[str, Any], moment: Moment) -> Refusal | None:
        """Something that the sender should know although the report goes on."""
        if found["originator"] not in {"", self._org}:
            advice = "the topic says who the originator is: leave the field out"
            return Refusal(Reason.NOTE_ORIGINATOR, advice, "originator")
        if any(moment.policy.partner(org) is None for org in found["initial_audience"]):
            advice = "an organisation in it is not in the registry and receives nothing"
            return Refusal(Reason.NOTE_AUDIENCE_UNKNOWN, advice, "initial_audience")
        sources = {found["on_behalf_of"], *(source["org"] for source in found["upstream"])} - {""}
        if any(moment.policy.partner(org) is None for org in sources):
            advice = "an organisation that it comes from is not in the registry and cannot consent: nobody receives it"
            return Refusal(Reason.NOTE_UPSTREAM_UNKNOWN, advice, "upstream")
        return None

    def _acknowledgement(self, record: Record, fields: Any, moment: Moment) -> Result:
        found = read_acknowledgement(fields)
        if isinstance(found, Refusal):
            return self._refused(record, found)
        if not self._tools.ids.is_message(found.message_id, self._org, found.key, found.sequence):
            advice = "no message with this id, key and sequence was sent to you: copy all three from the recall"
            return self._refused(record, Refusal(Reason.BAD_ACK, advice))
        value = {
            "recipient": self._org, "message_id": found.message_id, "answer": found.answer.value,
            "received_at": record.appended, "note": found.note,
        }  # fmt: skip
        entered = Output("slt.acks", f"{self._org}/{found.message_id}", "ack", value)
        return Result(Outcome.ACKNOWLEDGED, (entered, self._answer(self._receipt(record, ReceiptResult.ACCEPTED))))

    def _onward(self, record: Record, fields: Any, moment: Moment) -> Result:
        """Told to the originator; the asker learns nothing but that it was asked (consent.md §8)."""
        partner = moment.policy.partner(self._org)
        if partner is None or partner.status is not PartnerStatus.ACTIVE:
            return self._refused(record, Refusal(Reason.NOT_ACTIVE, "only active partners ask"))
        found = read_onward(fields, self._org, moment.policy, record.appended)
        if isinstance(found, Refusal):
            return self._refused(record, found)
        asked = notice_output(found.notice(record.appended), self._tools.encode)
        return Result(Outcome.REQUESTED, (asked, self._answer(self._receipt(record, ReceiptResult.ACCEPTED))))

    # -- control ------------------------------------------------------------------------------------------------------

    def _control(self, record: Record, fields: Any, moment: Moment) -> Result:
        texts = [fields.get(name) for name in ("payload", "signer", "signature")]
        if not all(isinstance(text, str) for text in texts) or len(fields) > 3:
            advice = "send payload, signer and signature as strings"
            return self._refused(record, Refusal(Reason.BAD_FIELD_TYPE, advice))
        signed = Signed(self._org, texts[0], texts[1], from_base64(texts[2]))
        known = Ahead(moment.policy, self._entered)
        found = authorise(signed, load_json(signed.payload), known, verify_ed25519, record.appended)
        if isinstance(found, Refusal):
            return self._refused(record, found)
        version, payload = known.version(found.key), known.payload(found.key)
        answer = self._answer(self._receipt(record, ReceiptResult.ACCEPTED)._replace(version=found.version))
        if (found.version, signed.payload) == (version, payload):
            return Result(Outcome.DUPLICATE, (answer,))
        if found.version <= version:
            return self._refused(
                record, Refusal(Reason.BAD_VERSION, f"version {version} is entered: send a higher one")
            )
        covers_from = -1 if known.newer(found.key) else _covers_from(found, record, moment)
        value = control_fields(signed, found, covers_from)
        return Result(Outcome.CONTROLLED, (Output("slt.control", found.key, "control", value), answer))

    # -- answers ------------------------------------------------------------------------------------------------------

    def _refused(self, record: Record, refusal: Refusal) -> Result:
        told = self._receipt(record, ReceiptResult.REFUSED)._replace(
            reason=refusal.reason, advice=refusal.advice, field=refusal.field
        )
        return Result(Outcome.REFUSED, (self._answer(told),), refusal=refusal)

    def _receipt(self, record: Record, result: ReceiptResult) -> Receipt:
        return Receipt(self._org, record.source, result, record.appended, format=self._form)

    def _answer(self, receipt: Receipt) -> Output:
        return receipt_output(receipt, self._tools.encode)


def _covers_from(change: ControlChange, record: Record, moment: Moment) -> int:
    """A renewal without a gap copies the earlier value, so that it survives the predecessor's compaction.

    Of a predecessor that is not read back yet the value is not known, nor whether it ended: nothing is copied then.
    """
    if not isinstance(change.control, Grant):
        return -1
    before = moment.policy.term(change.id)
    renews = before is not None and continues(before, change.control, record.appended)
    return before.covers_from if renews and before else -1


def build(settings: Settings) -> Processor:
    """Wire intake to the partners' topics. Without the master key it does not start."""
    codec = Codec()
    ids = Ids(settings.secret("master.key"))
    tools = Tools(Opener(codec, settings.limits.record_bytes), codec.encode, settings.limits, ids)

    def task(part: Assignment, state: State) -> Intake:
        return Intake(part.topic, tools)

    return Processor(Stage.INTAKE, ("slt.in.{org}", "slt.consent.{org}"), task, reads_control=True, raw=True)
