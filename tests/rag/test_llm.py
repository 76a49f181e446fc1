"""The door to chat models: what is missing is named, faults are retried within the budget, and no key ever shows."""

import logging
import re
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from types import SimpleNamespace

import pytest
from pydantic import BaseModel

from rag.errors import ModelProblem
from rag.llm import Chat, NoReply, chat_model
from rag.settings import Settings
from tests.chat_server import Act, ChatServer, Fails, Garbles, Hangs, Says

KEY = "sk-secret-0123456789"
ASK = [("system", "Be brief."), ("human", "Say something {odd} $here.")]
REPLY = "One, two, three words of a reply."


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with ChatServer().running() as server:
        yield server


@pytest.fixture
def online(settings: Settings, server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr("rag.llm.FIRST_WAIT", 0.01)
    return settings.model_copy(update={"llm": "openai:test", "llm_base_url": server.url, "llm_timeout": 5, "llm_budget": 10})


def test_a_reply_streams_growing_and_its_tokens_are_counted(online: Settings, server: ChatServer) -> None:
    server.plays(REPLY)
    chat = Chat(online.model_copy(update={"llm_price_in": 2.0, "llm_price_out": 10.0}))
    grown = list(chat.stream(ASK))
    assert len(grown) > 3 and grown[-1] == REPLY
    assert all(later.startswith(earlier) for earlier, later in pairwise(grown))
    assert (chat.tokens_in, chat.tokens_out, chat.tokens, chat.tries) == (100, 20, 120, 1)
    assert chat.cost == pytest.approx(100 * 2e-6 + 20 * 10e-6)


def test_the_request_is_what_was_written_with_temperature_zero(online: Settings, server: ChatServer) -> None:
    server.plays(REPLY)
    Chat(online).say(ASK)
    (request,) = server.requests
    assert request.messages == [("system", ASK[0][1]), ("user", ASK[1][1])], "braces and dollars are no template"
    assert (request.body["temperature"], request.body["stream"], request.body["model"]) == (0, True, "test")


def test_tokens_that_nobody_counted_and_prices_that_nobody_set_are_unknown_not_zero(online: Settings, server: ChatServer) -> None:
    server.plays(Says(REPLY, counts=False))
    chat = Chat(online)
    chat.say(ASK)
    assert (chat.tokens, chat.cost) == (None, None)


PASSING = {
    "too many requests": Fails(429, {"Retry-After": "0.05"}),
    "server error": Fails(500),
    "overloaded": Fails(503),
    "connection broken in the middle": Says(REPLY, cut_at=12),
    "stream that just ends, with nothing to say that it was cut": Says(REPLY, cut_at=12, politely=True),
    "empty reply": Says(""),
    "blank reply": Says(" \n "),
    "no JSON": Garbles(),
    "JSON of another kind": Garbles(b'data: {"hello": [1]}\n\ndata: [DONE]\n\n'),
    "a web page": Garbles(b"<html>busy</html>"),
    "an error within the stream": Garbles(b'data: {"error": {"message": "overloaded"}}\n\n'),
    "connection dropped without a word": Hangs(0),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_a_passing_fault_is_tried_again_and_the_second_reply_is_whole(online: Settings, server: ChatServer, fault: Act) -> None:
    server.plays(fault, REPLY)
    chat = Chat(online)
    assert list(chat.stream(ASK))[-1] == REPLY
    assert (chat.tries, len(chat.faults), len(server.requests)) == (2, 1, 2)


def test_a_server_that_asks_to_wait_is_given_that_time(online: Settings, server: ChatServer) -> None:
    server.plays(Fails(429, {"Retry-After": "0.4"}), REPLY)
    started = time.monotonic()
    Chat(online).say(ASK)
    assert time.monotonic() - started >= 0.4


def test_a_wait_longer_than_the_budget_is_not_begun(online: Settings, server: ChatServer) -> None:
    server.plays(Fails(429, {"Retry-After": "3600"}))
    started = time.monotonic()
    with pytest.raises(NoReply, match="asked too much"):
        Chat(online).say(ASK)
    assert time.monotonic() - started < 1 and len(server.requests) == 1


def test_a_silent_server_costs_one_timeout_then_another_try(online: Settings, server: ChatServer) -> None:
    server.plays(Hangs(2), REPLY)
    chat = Chat(online.model_copy(update={"llm_timeout": 0.3}))
    started = time.monotonic()
    assert chat.say(ASK) == REPLY
    assert time.monotonic() - started < 1.5 and chat.tries == 2


def test_a_server_that_drips_words_for_ever_is_stopped_at_the_timeout(online: Settings, server: ChatServer) -> None:
    server.plays(Says("word " * 200, pause=0.05), REPLY)
    chat = Chat(online.model_copy(update={"llm_timeout": 0.4}))
    assert chat.say(ASK) == REPLY and chat.faults == ["TimeoutError"]


def test_all_tries_together_keep_within_the_budget(online: Settings, server: ChatServer) -> None:
    server.plays(Hangs(3))
    started = time.monotonic()
    with pytest.raises(NoReply, match="took too long"):
        Chat(online.model_copy(update={"llm_timeout": 0.5, "llm_budget": 1.2})).say(ASK)
    assert time.monotonic() - started < 2 and 2 <= len(server.requests) <= 4


@pytest.mark.parametrize(
    ("status", "words"), [(401, "refused the key"), (403, "refused the key"), (404, "not known"), (400, "refused")]
)
def test_a_lasting_fault_is_not_tried_again_and_named(online: Settings, server: ChatServer, status: int, words: str) -> None:
    server.plays(Fails(status))
    with pytest.raises(NoReply, match=words):
        Chat(online).say(ASK)
    assert len(server.requests) == 1


def test_a_server_that_is_not_there_is_named_so(online: Settings) -> None:
    with pytest.raises(NoReply, match="cannot be reached"):
        Chat(online.model_copy(update={"llm_base_url": "http://127.0.0.1:9/v1", "llm_budget": 0.2})).say(ASK)


@pytest.mark.parametrize("fault", [Fails(401), Fails(500)], ids=["401", "500"])
def test_the_key_shows_in_no_error_log_or_account_though_the_server_quotes_it(
    online: Settings, server: ChatServer, fault: Act, caplog: pytest.LogCaptureFixture
) -> None:
    server.plays(fault)
    caplog.set_level(logging.DEBUG, logger="rag")
    chat = Chat(online.model_copy(update={"llm_budget": 0.1}))
    with pytest.raises(NoReply) as caught:
        chat.say(ASK)
    assert KEY in server.requests[0].headers["authorization"], "else this test guards nothing"
    told = [str(caught.value), repr(caught.value), str(chat.faults), repr(online)]
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    assert KEY not in "".join(told) + caplog.text


class Verdict(BaseModel):
    supported: bool


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_structured_output_comes_back_as_the_model_asked_for(online: Settings, server: ChatServer, method: str) -> None:
    server.plays('{"supported": true}')
    judge = chat_model(online, "openai:judge").with_structured_output(Verdict, method=method)
    assert judge.invoke("Is it?") == Verdict(supported=True)
    assert server.requests[0].body["model"] == "judge"


def test_a_missing_key_names_the_variable_to_set(online: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ModelProblem, match="export OPENAI_API_KEY="):
        Chat(online)


def test_an_empty_key_is_a_missing_key(online: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "")
    with pytest.raises(ModelProblem, match="export OPENAI_API_KEY="):
        Chat(online)


GOOGLE_SAYS = "Provide api_key or set GOOGLE_API_KEY/GEMINI_API_KEY [input_value={'key': 'sk-secret'}]"
AMAZON_SAYS = "Could not load credentials: you must specify a region."


@pytest.mark.parametrize(
    ("name", "package", "model", "said", "advice"),
    [
        ("google_genai:m", "langchain_google_genai", "ChatGoogleGenerativeAI", GOOGLE_SAYS, "export GOOGLE_API_KEY=…"),
        ("bedrock:m", "langchain_aws", "ChatBedrock", AMAZON_SAYS, "what its package reads from the environment"),
    ],
    ids=["google_genai", "bedrock"],
)
def test_the_advice_names_the_variable_that_the_provider_reads_and_invents_none(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str, package: str, model: str, said: str, advice: str
) -> None:
    def refuse(**_: object) -> None:
        raise ValueError(said)

    monkeypatch.setitem(sys.modules, package, SimpleNamespace(**{model: refuse}))
    with pytest.raises(ModelProblem, match=advice) as caught:
        chat_model(settings, name)
    assert not re.search("GENAI_API_KEY|BEDROCK_API_KEY|sk-secret", str(caught.value))


def test_a_setting_that_is_no_key_is_not_called_the_key(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)
    with pytest.raises(ModelProblem, match="export OPENAI_API_VERSION="):
        chat_model(settings, "azure_openai:m")


@pytest.mark.parametrize(
    ("name", "package"), [("mistralai:m", "langchain-mistralai"), ("groq:m", "langchain-groq"), ("xai:m", "langchain-xai")]
)
def test_a_missing_package_names_the_command_that_installs_it(settings: Settings, name: str, package: str) -> None:
    with pytest.raises(ModelProblem, match=f"pip install -c constraints.txt {package}"):
        chat_model(settings, name)


def test_ollama_without_its_package_is_not_given_langchains_deprecated_stand_in(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "langchain_ollama", None)
    with pytest.raises(ModelProblem, match=r"pip install -c constraints\.txt langchain-ollama"):
        chat_model(settings, "ollama:m")


@pytest.mark.parametrize("name", ["", "gpt", "nobody:model", ":", "openai"])
def test_a_name_that_names_no_model_is_answered_with_one_that_does(settings: Settings, name: str) -> None:
    with pytest.raises(ModelProblem, match="provider:model"):
        chat_model(settings, name)


def test_a_cached_reply_needs_no_server_and_knows_this_questions_own_ids(online: Settings, server: ChatServer) -> None:
    online = online.model_copy(update={"llm_cache": True})
    server.plays("Said in [p111].")
    assert Chat(online).say([("human", "<p111> text")], {"p111": "@0@"}) == "Said in [p111]."
    again = Chat(online)
    assert again.say([("human", "<p222> text")], {"p222": "@0@"}) == "Said in [p222]."
    assert (again.cached, again.tries, again.tokens, len(server.requests)) == (True, 0, 0, 1)


@pytest.mark.parametrize("change", ["words", "model", "server"])
def test_nothing_is_taken_from_the_cache_for_another_prompt_model_or_server(
    online: Settings, server: ChatServer, change: str
) -> None:
    online = online.model_copy(update={"llm_cache": True})
    server.plays(REPLY)
    Chat(online).say(ASK)
    other = {"model": {"llm": "openai:other"}, "server": {"llm_base_url": f"{server.url}/"}}.get(change, {})
    messages = [*ASK, ("human", "more")] if change == "words" else ASK
    Chat(online.model_copy(update=other)).say(messages)
    assert len(server.requests) == 2


def test_a_reply_that_broke_off_is_not_cached_and_the_cache_is_off_unless_asked_for(online: Settings, server: ChatServer) -> None:
    server.plays(REPLY)
    Chat(online).say(ASK)
    assert not (online.data_dir / "cache").exists()
    server.plays(Says(REPLY, cut_at=12))
    with pytest.raises(NoReply):
        Chat(online.model_copy(update={"llm_cache": True, "llm_budget": 0.1})).say(ASK)
    assert not list(online.data_dir.rglob("*.txt"))
