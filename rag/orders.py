"""Sentences in a guide that give a model orders: they are data, so neither a model nor the composer gets to see or quote them."""

import re
from dataclasses import replace

from rag.types import Passage
from rag.units import Unit, units

_ORDERS = r"(?:instructions?|prompts?|rules|guidelines|directions|orders|commands?)"
_TEXTS = rf"(?:{_ORDERS}|messages?|context|passages?|text)"
# Only what opens a sentence, outside quotation marks and code, is an order: a guide may quote one and talk about it.
ORDER = re.compile(
    rf"""(?x)^(?:[-*+#>\s]|\d+[.)])*
    (?:(?:please|now|important|attention|urgent|note|hey|dear|system|assistant|ai|chatbot|model
      |you\ (?:must|should|will)(?:\ now)?)\b[\s,:!.-]*)*
    (?: (?:ignore|disregard|forget|override|discard|bypass)\s+
        (?: (?:\w+\s+){{0,3}}(?:above|previous|prior|earlier|preceding|foregoing|system|your|safety)\s+(?:\w+\s+)?{_TEXTS}\b
          | (?:(?:all|everything|anything|of|the)\s+){{0,3}}above\b(?=\s+and\b|[.,;:!]|$)
          | (?:\w+\s+){{0,2}}{_TEXTS}\s+(?:above|before)\b
          | (?:all|any|your)\s+(?:of\s+)?(?:the\s+|your\s+)?{_ORDERS}\b
          | (?:everything|anything|all)\s+(?:you|said|that\ (?:was|came)|before) )
      | (?:reveal|print|repeat|show|output|leak|send|disclose)\s+(?:me\s+)?(?:your|the)\s+(?:\w+\s+)?
        (?:system|hidden|initial|secret)\s+{_TEXTS}\b
      | you\ are\ (?:now|no\ longer)\ (?:dan\b|in\ \w+\ mode|(?:an?\s+)?(?:\w+\s+){{0,2}}(?:assistant|chatbot|ai|model)\b|bound\b)
      | (?:respond|reply|answer|say|write|output|print)\s+(?:only|exactly|nothing\ but)\s+(?:with\s+)?(?:the\s+\w+\s+)?
        (?:["'“‘`]|(?-i:[A-Z]{{3,}}))
      | (?:new|updated|real|actual)\ (?:instructions?|task|system\ prompt)\s*:
      | system\s+(?:prompt|override|message)\s*: )""",
    re.I,
)


def is_order(sentence: str) -> bool:
    return ORDER.match(sentence) is not None


def disarmed(passage: Passage) -> Passage:
    """The passage with every order, and what follows it in its paragraph, blanked out; all else stays in its place."""
    text = passage.text
    for unit in reversed(units(text)):
        if unit.kind == "sentence" and is_order(unit.text):
            text = blank(text, unit.start, end_of_paragraph(unit, passage.text))
        for start, end in unit.items:
            if is_order(passage.text[start:end]):
                text = blank(text, start, end)
    return passage if text == passage.text else replace(passage, text=text)


def end_of_paragraph(unit: Unit, text: str) -> int:
    return max(other.end for other in units(text) if other.paragraph == unit.paragraph)


def blank(text: str, start: int, end: int) -> str:
    return text[:start] + re.sub(r"\S", " ", text[start:end]) + text[end:]
