"""The retriever as LangChain knows retrievers, so that it drops into any chain."""

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from rag.assistant import Assistant
from rag.types import Filters, Passage


class PrepRetriever(BaseRetriever):
    """`PrepRetriever(assistant=Assistant(Settings())).invoke("…")` gives LangChain documents, best first."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    assistant: Assistant
    filters: Filters = Filters()

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [document_of(passage) for passage in self.assistant.retrieve(query, filters=self.filters).passages]


def document_of(passage: Passage) -> Document:
    source = passage.source
    metadata: dict[str, Any] = {
        "source": source.doc_id,
        "title": source.title,
        "heading_path": list(source.heading_path),
        "start": source.start,
        "end": source.end,
        "score": passage.score,
    }
    return Document(id=passage.id, page_content=passage.text, metadata=metadata)
