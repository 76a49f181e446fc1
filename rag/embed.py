"""Text to vectors: one passage vector and one vector per word piece, from a single forward pass.

The embedded model runs on onnxruntime, so asking a question never imports torch. Torch is needed once, to export it.
"""

import hashlib
import os
import string
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from rag.errors import ModelProblem
from rag.export import WEIGHTS_SHA256, export_embedded_model
from rag.settings import EMBEDDED_MODEL, Settings
from rag.words import STOP_WORDS

Floats = NDArray[np.float32]

MAX_TOKENS = 256
TOKEN_DIMENSIONS = 64
BATCH = 32


@dataclass(frozen=True)
class Encoding:
    """One text: its vector, and for each word piece that carries meaning its id, first character and small vector.

    A passage also has one vector for each question it answers, its own again when it names none: a question is most like the
    question that heads its answer.
    """

    vector: Floats
    token_ids: NDArray[np.int32]
    token_starts: NDArray[np.int32]
    tokens: NDArray[np.int8]
    questions: Floats | None = None


class Encoder(Protocol):
    """The seam every embedding model stands behind."""

    name: str
    dimension: int

    def encode(self, texts: Sequence[str]) -> list[Encoding]: ...

    def count(self, text: str) -> int:
        """How many tokens the model reads in the text, its own special tokens not counted."""

    def knows(self, word: str) -> bool:
        """Whether the model has the lower-case word in its vocabulary whole, and so takes it for no misspelling."""


def load_encoder(settings: Settings) -> Encoder:
    # Our own matrices are small: numpy's threads would cost more in waiting for each other than they save.
    threadpool_limits(1, user_api="blas")
    if settings.embed_model == EMBEDDED_MODEL:
        return OnnxEncoder(settings.models_dir, settings.threads)
    return TorchEncoder(settings.embed_model, settings.threads)


class OnnxEncoder:
    """all-MiniLM-L6-v2 on onnxruntime, exported the first time it is needed."""

    dimension = 384
    name = f"{EMBEDDED_MODEL}@{WEIGHTS_SHA256[:8]}"

    def __init__(self, models_dir: Path, threads: int) -> None:
        folder = models_dir / self.name
        if not (folder / "model.onnx").exists():
            export_embedded_model(folder)
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._counter = Tokenizer.from_str(self._tokenizer.to_str())
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._counter.no_truncation()
        self._vocabulary: dict[str, int] = self._tokenizer.get_vocab()
        self._silent = silent_ids(self._vocabulary)
        basis = folder / "basis.npy"
        if not basis.exists():
            staged = folder / f"basis-{os.getpid()}.npy"
            np.save(staged, token_basis(self._hidden, self._vocabulary))
            staged.replace(basis)
        self._basis: Floats = np.load(basis)

    def count(self, text: str) -> int:
        return len(self._counter.encode(text, add_special_tokens=False).ids)

    def knows(self, word: str) -> bool:
        return word in self._vocabulary

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        encodings: dict[int, Encoding] = {}
        tokenized = self._tokenizer.encode_batch(list(texts))
        by_length = sorted(range(len(texts)), key=lambda position: len(tokenized[position].ids))
        for first in range(0, len(texts), BATCH):
            batch = by_length[first : first + BATCH]
            hidden, mask = self._forward([tokenized[position].ids for position in batch])
            vectors = unit((hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True))
            for row, position in enumerate(batch):
                tokens = tokenized[position]
                encodings[position] = packed(vectors[row], hidden[row], tokens.ids, tokens.offsets, self._silent, self._basis)
        return [encodings[position] for position in range(len(texts))]

    def _forward(self, ids: list[list[int]]) -> tuple[Floats, Floats]:
        lengths = np.array([len(sequence) for sequence in ids])
        mask = np.arange(lengths.max()) < lengths[:, None]
        padded = np.zeros(mask.shape, dtype=np.int64)
        padded[mask] = np.concatenate(ids)
        (hidden,) = self._session.run(None, {"input_ids": padded, "attention_mask": mask.astype(np.int64)})
        return hidden, mask.astype(np.float32)

    def _hidden(self, texts: list[str]) -> list[Floats]:
        return [self._forward([tokens.ids])[0][0, 1:-1] for tokens in self._tokenizer.encode_batch(texts)]


class TorchEncoder:
    """Any sentence-transformers model, on the GPU when there is one."""

    def __init__(self, model: str, threads: int) -> None:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        try:
            import torch
            from huggingface_hub import constants, get_session
            from sentence_transformers import SentenceTransformer

            torch.set_num_threads(threads)
            try:
                self._model = SentenceTransformer(model, local_files_only=True)
            except OSError:
                if Path(model).is_dir():
                    raise
                get_session().head(constants.ENDPOINT, timeout=10)  # a hub out of reach: loading would try for over a minute
                self._model = SentenceTransformer(model)
        except Exception as error:  # each library beneath has classes of its own
            raise ModelProblem(
                f"The embedding model {model!r} cannot be loaded ({type(error).__name__}: {str(error).splitlines()[0]}). "
                f"Set PREP_EMBED_MODEL to a folder or a name that this machine can reach, or unset it for {EMBEDDED_MODEL}."
            ) from error
        self.dimension = int(self._model.get_embedding_dimension() or 0)
        self.name = f"{model}@{weights_digest(self._model)}"
        self._vocabulary: dict[str, int] = self._model.tokenizer.get_vocab()
        self._silent = silent_ids(self._vocabulary)
        self._basis = token_basis(self._hidden, self._vocabulary)

    def count(self, text: str) -> int:
        return len(self._model.tokenizer.encode(text, add_special_tokens=False))

    def knows(self, word: str) -> bool:
        return any(form in self._vocabulary for form in (word, f"\u2581{word}", f"\u0120{word}"))

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        outputs: Any = self._model.encode(list(texts), batch_size=BATCH, output_value=None, show_progress_bar=False)
        return [self._pack(text, output) for text, output in zip(texts, outputs, strict=True)]

    def _hidden(self, texts: list[str]) -> list[Floats]:
        outputs: Any = self._model.encode(texts, batch_size=BATCH, output_value="token_embeddings", show_progress_bar=False)
        return [output.float().cpu().numpy()[1:-1] for output in outputs]

    def _pack(self, text: str, output: Any) -> Encoding:
        hidden = output["token_embeddings"].float().cpu().numpy()
        tokens = self._model.tokenizer(text, truncation=True, max_length=len(hidden), return_offsets_mapping=True)
        vector = unit(output["sentence_embedding"].float().cpu().numpy())
        return packed(vector, hidden, tokens["input_ids"], tokens["offset_mapping"], self._silent, self._basis)


def packed(
    vector: Floats, hidden: Floats, ids: Sequence[int], offsets: Sequence[tuple[int, int]], silent: frozenset[int], basis: Floats
) -> Encoding:
    """One text's encoding from what the model made of it, less the word pieces that say nothing."""
    kept = [place for place, token in enumerate(ids) if token not in silent]
    return Encoding(
        vector,
        np.array([ids[place] for place in kept], dtype=np.int32),
        np.array([offsets[place][0] for place in kept], dtype=np.int32),
        shrink(hidden[kept], basis),
    )


def unit(vectors: Floats) -> Floats:
    """Rows scaled to length one; an all-zero row stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Floats = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    return scaled


def shrink(hidden: Floats, basis: Floats) -> NDArray[np.int8]:
    """Token vectors on the basis' few dimensions, in bytes: the direction is what counts, so each row uses the whole range."""
    small = unit(hidden) @ basis
    largest = np.abs(small).max(axis=-1, keepdims=True, initial=1e-9)
    packed: NDArray[np.int8] = np.rint(small * (127 / largest)).astype(np.int8)
    return packed


def silent_ids(vocabulary: dict[str, int]) -> frozenset[int]:
    """Ids of tokens that say nothing about the subject: special tokens, punctuation, stop words."""
    marks = set(string.punctuation) | set("–—‘’“”…•·")
    return frozenset(
        index
        for token, index in vocabulary.items()
        if token in STOP_WORDS or token in marks or (token.startswith(("[", "<")) and token.endswith(("]", ">")))
    )


def token_basis(hidden: Any, vocabulary: dict[str, int]) -> Floats:
    """The directions in which the model's token vectors vary most, taken over random word sequences.

    Fitted on the model alone, never on the corpus, so the same text always gets the same bytes.
    """
    pool = sorted(token for token in vocabulary if token.isalpha() and token.isascii() and len(token) > 2)
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(pool, size=16)) for _ in range(512)]
    sample = unit(np.concatenate(hidden(texts)))
    _, vectors = np.linalg.eigh(sample.T @ sample)
    return np.ascontiguousarray(vectors[:, ::-1][:, :TOKEN_DIMENSIONS], dtype=np.float32)


def weights_digest(model: Any) -> str:
    """Eight hex digits that change when any weight does."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()[:8]
