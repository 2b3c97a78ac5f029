"""An alert as bytes: the only place that writes XML. What it writes follows the schema, or it is not written."""

from __future__ import annotations

from lxml import etree

from services.core.cap.dictionary import NAMESPACES
from services.core.cap.tree import Alert, Node
from services.runtime.cap.schema import schema
from services.runtime.cap.signature import Signer


class RenderError(ValueError):
    """What was to be written does not follow the schema: a fault of ours. The text quotes no content."""


def render(alert: Alert, signer: Signer | None = None) -> bytes:
    """The alert's bytes in UTF-8, signed if there is a signer; RenderError if the schema refuses it."""
    namespace = NAMESPACES[alert.version]
    root = etree.Element(f"{{{namespace}}}alert", nsmap={None: namespace})
    _below(root, alert.root, f"{{{namespace}}}")
    if not schema(alert.version).validate(root):
        where = ", ".join(sorted({error.type_name for error in schema(alert.version).error_log}))
        raise RenderError(f"an outgoing alert does not follow the schema: {where}")
    signed = root if signer is None else signer.sign(root)
    return bytes(etree.tostring(signed, encoding="utf-8", xml_declaration=True))


def _below(element: etree._Element, node: Node, prefix: str) -> None:
    for child in node.children:
        inner = etree.SubElement(element, f"{prefix}{child.name}")
        if child.children:
            _below(inner, child, prefix)
        else:
            inner.text = child.text
