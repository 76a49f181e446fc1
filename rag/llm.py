"""The only door to chat models: any LangChain provider, asked within a budget of time, its tokens counted, its faults named."""

import contextlib
import hashlib
import json
import os
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rag.errors import ModelProblem, PrepError
from rag.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

T = TypeVar("T")
Messages = Sequence[tuple[str, str]]  # (role, text)

FIRST_WAIT = 0.5
PASSING = (408, 409, 425, 429)  # and every 5xx: worth another try
OLLAMA_CONTEXT = 12_000  # tokens; by default Ollama reads 4,096 and drops the rest without a word
PLAINLY = {401: "refused the key", 403: "refused the key", 404: "is not known at its address", 429: "is asked too much"}


class NoReply(PrepError):
    """The model gave nothing to answer with; the message says why, in words that follow "the chat model"."""


def chat_model(settings: Settings, name: str = "") -> "BaseChatModel":
    """A ready LangChain chat model; what is missing is said with the command that mends it."""
    from langchain.chat_models import init_chat_model

    name = name or settings.llm
    provider, _, model_name = name.partition(":")
    misnamed = f"{name!r} names no chat model. Name one as provider:model, for example: export PREP_LLM=openai:gpt-5-mini"
    if not provider or not model_name:
        raise ModelProblem(misnamed)
    options: dict[str, Any] = {"timeout": settings.llm_timeout, "max_retries": 0}
    if provider == "openai":
        options["stream_usage"] = True  # off by default for a server of one's own
    if provider == "ollama":
        options = {"client_kwargs": {"timeout": settings.llm_timeout}, "num_ctx": OLLAMA_CONTEXT}
    if settings.llm_base_url:
        options["base_url"] = settings.llm_base_url
    try:
        if provider == "ollama":
            __import__("langchain_ollama")  # where it is missing, LangChain would take a deprecated stand-in
        model: BaseChatModel = init_chat_model(name, temperature=0, **options)
    except ImportError as error:
        package = re.search(r"pip install ([\w-]+)", str(error))
        command = f".venv/bin/pip install -c constraints.txt {package[1] if package else f'langchain-{provider}'}"
        raise ModelProblem(f"{name} needs a package that is not installed. Type: {command}") from error
    except Exception as error:  # every provider has a class of its own for a missing key; its message may show what it was given
        raise ModelProblem(misnamed if "model provider" in str(error) else keyless(name, str(error))) from None
    if empty := [field for field, value in model if field.endswith("_api_key") and value is not None and not value]:
        raise ModelProblem(keyless(name, empty[0].upper()))
    return model


def keyless(name: str, told: str) -> str:
    """What to set, as the provider's package names it."""
    variable = re.search(r"\b[A-Z]+(_[A-Z]+)+\b", told)
    typed = f"Type: export {variable[0]}=… (any word, for a server of your own that asks for none)" if variable else ""
    return f"{name} needs a key or another setting. {typed or 'Set what its package reads from the environment.'}"


class Chat:
    """One question's dealings with a model: all calls share one budget of time and one account."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.name = settings.llm
        self.judges = settings.llm_checker
        self._model = chat_model(settings)
        self._deadline = time.monotonic() + settings.llm_budget
        self.tries = 0
        self.tokens_in = self.tokens_out = 0
        self.faults: list[str] = []
        self.cached = False

    def stream(self, messages: Messages, drawn: Mapping[str, str] | None = None) -> Iterator[str]:
        """The reply as far as it has come, longer each time; a try that failed starts it anew. Raises NoReply.

        `drawn` maps words drawn at random for this question to what stands for them in the cache.
        """
        drawn = drawn or {}
        kept = self._kept(messages, drawn)
        if self._settings.llm_cache and kept.exists():
            self.cached = True
            yield swapped(kept.read_text(encoding="utf-8"), {plain: word for word, plain in drawn.items()})
            return
        reply = ""
        for reply in tried(lambda: self._once(messages), self._deadline, self.faults):
            yield reply
        if self._settings.llm_cache:
            with contextlib.suppress(OSError):  # a full disk must not cost the answer
                kept.parent.mkdir(parents=True, exist_ok=True)
                staged = kept.with_suffix(f".{os.getpid()}-{time.monotonic_ns()}")
                staged.write_text(swapped(reply, drawn), encoding="utf-8")
                staged.replace(kept)

    def say(self, messages: Messages, drawn: Mapping[str, str] | None = None) -> str:
        *_, reply = self.stream(messages, drawn)
        return reply

    @property
    def tokens(self) -> int | None:
        """Those of all calls; None when the provider does not count."""
        return self.tokens_in + self.tokens_out if self.tokens_in or not self.tries else None

    @property
    def cost(self) -> float | None:
        prices = self._settings.llm_price_in, self._settings.llm_price_out
        spent = self.tokens_in * prices[0] + self.tokens_out * prices[1]
        return round(spent / 1e6, 6) if any(prices) else None

    def _once(self, messages: Messages) -> Iterator[str]:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.tries += 1
        limit = min(left, self._settings.llm_timeout)
        model = self._model if limit < left else chat_model(self._settings.model_copy(update={"llm_timeout": limit}))
        ends = time.monotonic() + limit
        text, finished = "", False
        for chunk in model.stream(list(messages)):
            if usage := getattr(chunk, "usage_metadata", None):
                self.tokens_in += usage["input_tokens"]
                self.tokens_out += usage["output_tokens"]
            finished |= has_ended(chunk.response_metadata)
            if chunk.text:
                text += chunk.text
                yield text
            if time.monotonic() > ends:
                raise TimeoutError
        if not finished:
            raise NoReply("broke off")
        if not text.strip():
            raise NoReply("said nothing")

    def _kept(self, messages: Messages, drawn: Mapping[str, str]) -> Path:
        asked = json.dumps([self._settings.llm, self._settings.llm_base_url, [swapped(text, drawn) for _, text in messages]])
        return self._settings.data_dir / "cache" / f"{hashlib.sha256(asked.encode()).hexdigest()[:32]}.txt"


def tried(
    call: Callable[[], Iterable[T]], deadline: float, faults: list[str], lasting: tuple[type[Exception], ...] = ()
) -> Iterator[T]:
    """What the call yields; anew after a fault that may pass, until the deadline. Raises NoReply, or what is known to last."""
    wait, first_fault = FIRST_WAIT, ""
    while True:
        try:
            yield from call()
            return
        except lasting:
            raise
        except Exception as error:  # providers share no base class
            faults.append(type(error).__name__)
            status, asked_wait = answered(error)
            first_fault = first_fault or named(error, status)  # the last one may only be the budget's end
            pause = max(wait * random.uniform(0.5, 1.0), asked_wait)
            passing = status is None or status in PASSING or status >= 500
            if not passing or time.monotonic() + pause >= deadline:
                raise NoReply(first_fault) from None
        time.sleep(pause)
        wait *= 2


def has_ended(metadata: Mapping[str, Any]) -> bool:
    """Whether a chunk says why the reply ends: finish_reason, stop_reason, done_reason, or OpenAI's newer status."""
    return metadata.get("status") == "completed" or any("reason" in key.lower() and value for key, value in metadata.items())


def swapped(text: str, words: Mapping[str, str]) -> str:
    for word, other in words.items():
        text = text.replace(word, other)
    return text


def answered(error: Exception) -> tuple[int | None, float]:
    """The status of an error that is an answer, and the seconds it asks to wait."""
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(response, "status_code", None)
    asked = getattr(response, "headers", {}).get("retry-after", "")
    return status, float(asked) if re.fullmatch(r"\d+(\.\d+)?", asked) else 0.0


def named(error: Exception, status: int | None) -> str:
    """What went wrong in our own words: a provider's message may quote the key."""
    if status is not None:
        return PLAINLY.get(status, "has a fault" if status >= 500 else "refused the request") + f" ({status})"
    if isinstance(error, NoReply):
        return str(error)
    kinds = " ".join(kind.__name__ for kind in type(error).__mro__)
    if "Timeout" in kinds:
        return "took too long"
    if re.search(r"Protocol|ReadError", kinds):
        return "broke off"
    return "cannot be reached" if "Connect" in kinds else "sent something unreadable"
