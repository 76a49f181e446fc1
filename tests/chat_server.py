"""A real server that speaks the OpenAI chat protocol, says what it is told to say, and fails the way servers fail."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PIECE = 5  # characters a streamed chunk carries: markers are torn apart
TOKENS = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}


@dataclass(frozen=True)
class Request:
    """What a client sent."""

    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def messages(self) -> list[tuple[str, str]]:
        return [(message["role"], message["content"]) for message in self.body["messages"]]

    @property
    def last(self) -> str:
        return self.messages[-1][1]

    @property
    def everything(self) -> str:
        return "\n\n".join(text for _, text in self.messages)

    @property
    def ids(self) -> dict[str, str]:
        """Each id that marks a passage, with the passage."""
        return dict(re.findall(r"^<(p[0-9a-f]{3})>\n(.*?)\n</\1>$", self.everything, re.M | re.S))

    def id_of(self, words: str) -> str:
        """The id of the passage that holds these words."""
        return next(name for name, text in self.ids.items() if words in " ".join(text.split()))


Text = str | Callable[[Request], str]


@dataclass(frozen=True)
class Says:
    """A reply; `cut_at` breaks the connection after so many characters, `politely` lets the stream just end there."""

    text: Text
    cut_at: int | None = None
    politely: bool = False
    pause: float = 0.0  # before each chunk
    counts: bool = True


@dataclass(frozen=True)
class Fails:
    """An HTTP error."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hangs:
    """Accepts the request and says nothing for so long."""

    seconds: float


@dataclass(frozen=True)
class Garbles:
    """Answers 200 with something that is no reply."""

    body: bytes = b"data: {this is no JSON\n\n"


Act = Says | Fails | Hangs | Garbles


class ChatServer:
    """Plays its acts in turn, the last one again and again; keeps every request."""

    def __init__(self) -> None:
        self.acts: list[Act] = []
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def plays(self, *acts: Act | Text) -> None:
        self.acts = [act if isinstance(act, Act) else Says(act) for act in acts]
        self.requests = []

    def next_act(self, request: Request) -> Act:
        with self._lock:
            self.requests.append(request)
            return self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]

    @contextmanager
    def running(self) -> Iterator["ChatServer"]:
        thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()


def handler(server: ChatServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            request = Request(body, {name.lower(): value for name, value in self.headers.items()})
            act = server.next_act(request)
            self.close_connection = True
            if isinstance(act, Hangs):
                time.sleep(act.seconds)
            elif isinstance(act, Fails):
                self._send(act.status, "application/json", error_body(act.status, request), act.headers)
            elif isinstance(act, Garbles):
                self._send(200, "text/event-stream", act.body)
            elif body.get("stream"):
                self._stream(act, act.text if isinstance(act.text, str) else act.text(request))
            else:
                self._send(200, "application/json", whole(request, act.text if isinstance(act.text, str) else act.text(request)))

        def _send(self, status: int, kind: str, body: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def _stream(self, act: Says, text: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            if act.cut_at is not None and not act.politely:  # more is promised than comes: the client can tell
                self.send_header("Content-Length", "10000000")
            self.end_headers()
            try:
                for event in events(act, text):
                    time.sleep(act.pause)
                    self.wfile.write(event)
                    self.wfile.flush()
            except OSError:
                return  # the client has gone

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on the terminal."""

    return Handler


def events(act: Says, text: str) -> list[bytes]:
    shown = text if act.cut_at is None else text[: act.cut_at]
    chunks = [chunk({"role": "assistant", "content": shown[place : place + PIECE]}) for place in range(0, len(shown), PIECE)]
    if act.cut_at is None:
        usage = [{**chunk({}), "choices": [], "usage": TOKENS}] if act.counts else []
        chunks += [chunk({}, "stop"), *usage]
    encoded = [f"data: {json.dumps(item)}\n\n".encode() for item in chunks]
    return encoded if act.cut_at is not None else [*encoded, b"data: [DONE]\n\n"]


def chunk(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "test", "choices": [choice]}


def whole(request: Request, text: str) -> bytes:
    """An unstreamed reply; when a tool must be called, the text is what it is called with."""
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if tools := request.body.get("tools"):
        call = {"id": "t", "type": "function", "function": {"name": tools[0]["function"]["name"], "arguments": text}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if tools else "stop"}
    reply = {"id": "c", "object": "chat.completion", "created": 0, "model": "test", "choices": [choice], "usage": TOKENS}
    return json.dumps(reply).encode()


def error_body(status: int, request: Request) -> bytes:
    """As OpenAI does, the message quotes the key it was given."""
    key = request.headers.get("authorization", "")
    return json.dumps({"error": {"message": f"Failed ({status}) for key {key}", "type": "error", "code": str(status)}}).encode()
