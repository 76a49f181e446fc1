"""Sentences in a guide that give a model orders: they are data, so neither a model nor the composer gets to see or quote them."""

import re
from dataclasses import replace

from rag.markers import BULLET
from rag.sentences import sentence_spans
from rag.types import Passage
from rag.units import units

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
    """The passage with every order, and what follows it in its paragraph or item, blanked out; all else stays in its place."""
    text, found = passage.text, units(passage.text)
    ends = {unit.paragraph: unit.end for unit in found}
    stretches = [(unit.start, ends[unit.paragraph]) for unit in found if unit.kind == "sentence"]
    for start, end in (item for unit in found for item in unit.items):
        stretches += [(start + first, end) for first, _ in sentence_spans(passage.text[start:end])]
        stretches += [(nested.start(), end) for nested in BULLET.finditer(passage.text, start, end)]
    orders = [(start, end) for start, end in stretches if is_order(passage.text[start:end])]
    for start, end in orders:
        text = text[:start] + re.sub(r"\S", " ", text[start:end]) + text[end:]
    return replace(passage, text=text) if orders else passage
