"""Every reason in one place: metric labels, audit words and test names. Codes are added, never renamed."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why an input was refused, or noted. `BAD_` is the sender's to mend, `BUG_` is ours."""

    BAD_ENCODING = "BAD_ENCODING"  # neither JSON nor Avro, or not UTF-8
    BAD_CAP = "BAD_CAP"  # a CAP alert that breaks a rule of CAP
    BAD_SCHEMA_ID = "BAD_SCHEMA_ID"
    BAD_SIZE = "BAD_SIZE"
    BAD_FIELD_MISSING = "BAD_FIELD_MISSING"
    BAD_FIELD_UNKNOWN = "BAD_FIELD_UNKNOWN"
    BAD_FIELD_TYPE = "BAD_FIELD_TYPE"
    BAD_FIELD_LENGTH = "BAD_FIELD_LENGTH"
    BAD_VOCABULARY = "BAD_VOCABULARY"
    BAD_TIME = "BAD_TIME"  # in the future, before 1990, reversed, without zone
    BAD_PLACE = "BAD_PLACE"  # coordinates out of range
    BAD_COUNTRY = "BAD_COUNTRY"  # the country contradicts the coordinates
    BAD_VERSION = "BAD_VERSION"  # goes backwards
    BAD_STATUS = "BAD_STATUS"  # a version with another status than its series
    BAD_SIGNATURE = "BAD_SIGNATURE"
    BAD_AUTHOR = "BAD_AUTHOR"  # may not make this change
    BAD_PARTNER = "BAD_PARTNER"  # names an organisation that is not in the registry
    BAD_TOPIC = "BAD_TOPIC"  # this kind of record does not belong on this topic
    BAD_REFERENCE = "BAD_REFERENCE"  # names a group or a letter of understanding that nobody entered
    BAD_STANDING = "BAD_STANDING"  # a partner's status or category does not allow what its record says
    BAD_GRANT = "BAD_GRANT"  # without an end, reversed, or of nothing
    BAD_ACK = "BAD_ACK"  # for a message that was never delivered to the sender
    NOT_ACTIVE = "NOT_ACTIVE"  # the submitter is not an active partner
    QUARANTINED = "QUARANTINED"  # its share of bad input passed the threshold
    NOTE_ORIGINATOR = "NOTE_ORIGINATOR"  # the originator field was not the topic's owner: the topic won
    NOTE_SERIES_UNKNOWN = "NOTE_SERIES_UNKNOWN"  # a revision whose first version never came: taken as the first
    NOTE_AUDIENCE_UNKNOWN = "NOTE_AUDIENCE_UNKNOWN"  # the initial audience names an organisation that nobody knows
    NOTE_UPSTREAM_UNKNOWN = "NOTE_UPSTREAM_UNKNOWN"  # it comes from an organisation that nobody knows: none can consent
    NOTE_REPAIRED = "NOTE_REPAIRED"  # a CAP alert with slips that everybody understands: they were mended
    NOTE_LINK_APART = "NOTE_LINK_APART"  # an operator's merge of reports that are not in one country: noted as related
    BUG_GATE = "BUG_GATE"  # a gate of ours failed: everybody was denied, what is held stayed
    BUG_STEP = "BUG_STEP"  # an exception in a rule of ours
    BUG_RECORD = "BUG_RECORD"  # a record of ours that we cannot read
