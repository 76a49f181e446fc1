"""Passage vectors in Chroma: a local folder by default, a server when PREP_CHROMA_URL is set. Nothing else imports chromadb."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from rag.errors import IndexDamaged
from rag.settings import Settings
from rag.types import Filters

ADD_BATCH = 4096  # below Chroma's own limit of 5,461
SEARCH_BREADTH = 128
START_SERVER = "Start it (chroma run --path FOLDER --port PORT), or unset PREP_CHROMA_URL to use the local store."


@contextmanager
def reported(url: str) -> Iterator[None]:
    """Chroma's own errors, and those of the way to its server, as ours."""
    from chromadb.errors import ChromaError
    from httpx import HTTPError

    try:
        yield
    except (ChromaError, HTTPError) as error:
        local = f"Chroma cannot read its files ({error}). Rebuild them: python -m ingest --rebuild"
        raise IndexDamaged(f"The Chroma server at {url} failed ({error}). {START_SERVER}" if url else local) from error


class VectorStore:
    """One collection of unit vectors under the cosine distance."""

    def __init__(self, settings: Settings, collection: str) -> None:
        self._url = settings.chroma_url
        hnsw = {"space": "cosine", "ef_search": SEARCH_BREADTH, "ef_construction": SEARCH_BREADTH}
        with reported(self._url):
            self._client = connect(settings, collection)
            self._collection = self._client.get_or_create_collection(
                collection, embedding_function=None, configuration={"hnsw": hnsw}
            )

    def count(self) -> int:
        with reported(self._url):
            return int(self._collection.count())

    def ids(self) -> set[str]:
        with reported(self._url):
            return set(self._collection.get(include=[])["ids"])

    def add(self, ids: Sequence[str], vectors: np.ndarray, flags: Sequence[Mapping[str, bool]]) -> None:
        """Add passages; an id that is there already is left as it is."""
        for first in range(0, len(ids), ADD_BATCH):
            part = slice(first, first + ADD_BATCH)
            metadatas = [dict(flag) or None for flag in flags[part]]
            with reported(self._url):
                self._collection.add(ids=list(ids[part]), embeddings=vectors[part], metadatas=metadatas)

    def delete(self, ids: Sequence[str]) -> None:
        for first in range(0, len(ids), ADD_BATCH):
            with reported(self._url):
                self._collection.delete(ids=list(ids[first : first + ADD_BATCH]))

    def search(self, vector: np.ndarray, k: int, filters: Filters) -> Iterator[tuple[str, float]]:
        """(id, cosine similarity) of the nearest passages, best first."""
        where = where_clause(filters)
        with reported(self._url):
            found = self._collection.query(query_embeddings=vector[None], n_results=k, where=where, include=["distances"])
        distances = found["distances"] or [[]]
        return ((name, 1.0 - distance) for name, distance in zip(found["ids"][0], distances[0], strict=True))

    def drop(self, collection: str) -> None:
        """Delete a collection that an earlier index left on the same server; locally its folder is swept."""
        with reported(self._url):
            if collection in {other.name for other in self._client.list_collections()}:
                self._client.delete_collection(collection)


def connect(settings: Settings, collection: str) -> Any:
    import chromadb
    from chromadb.api.shared_system_client import SharedSystemClient
    from chromadb.config import Settings as ChromaSettings

    quiet = ChromaSettings(anonymized_telemetry=False)
    if not settings.chroma_url:
        # A client cached by an earlier generation would go on answering from what it read then.
        SharedSystemClient.clear_system_cache()
        folder = settings.index_dir / "chroma" / collection
        folder.mkdir(parents=True, exist_ok=True)
        return chromadb.PersistentClient(str(folder), settings=quiet)
    url = urlsplit(settings.chroma_url)
    try:
        return chromadb.HttpClient(
            host=url.hostname or "localhost",
            port=url.port or (443 if url.scheme == "https" else 8000),
            ssl=url.scheme == "https",
            headers={"Authorization": f"Bearer {settings.chroma_token}"} if settings.chroma_token else None,
            settings=quiet,
        )
    except ValueError as error:
        raise IndexDamaged(f"No Chroma server answers at {settings.chroma_url}. {START_SERVER}") from error


def where_clause(filters: Filters) -> dict[str, Any] | None:
    """Each group may match any of its values; all groups must match."""
    groups = [[{f"{name}:{value}": True} for value in values] for name, values in filters.groups()]
    clauses: list[dict[str, Any]] = [group[0] if len(group) == 1 else {"$or": group} for group in groups]
    return {"$and": clauses} if len(clauses) > 1 else next(iter(clauses), None)
