"""The retriever as LangChain people meet it."""

import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda

from rag.assistant import Assistant
from rag.langchain import PrepRetriever
from rag.types import Filters
from tests.rag.conftest import Library

QUESTION = "How do I detect train-serve skew?"


@pytest.fixture(scope="module")
def retriever(assistant: Assistant) -> PrepRetriever:
    return PrepRetriever(assistant=assistant)


def test_it_gives_the_assistants_own_passages_as_documents_with_their_place(
    retriever: PrepRetriever, assistant: Assistant, library: Library
) -> None:
    assert isinstance(retriever, BaseRetriever)
    documents = retriever.invoke(QUESTION)
    passages = assistant.retrieve(QUESTION).passages
    assert [document.id for document in documents] == [passage.id for passage in passages]
    for document, passage in zip(documents, passages, strict=True):
        place = document.metadata
        assert library.document(place["source"]).text[place["start"] : place["end"]] == document.page_content
        assert (place["title"], place["heading_path"]) == (passage.source.title, list(passage.source.heading_path))
        assert place["score"] == passage.score
    scores = [document.metadata["score"] for document in documents]
    assert scores == sorted(scores, reverse=True)


def test_it_drops_into_a_chain_and_into_batches(retriever: PrepRetriever) -> None:
    def joined(documents: list[Document]) -> str:
        return "\n\n".join(document.page_content for document in documents)

    chain = retriever | RunnableLambda(joined)
    one, other = chain.batch([QUESTION, "What is LoRA?"])
    assert "skew" in one and "LoRA" in other and one != other


def test_its_filters_hold(assistant: Assistant) -> None:
    documents = PrepRetriever(assistant=assistant, filters=Filters(areas=("llm",))).invoke(QUESTION)
    assert documents and all(document.metadata["source"].startswith("corpus/llm/") for document in documents)
