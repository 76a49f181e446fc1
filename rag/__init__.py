"""Prep RAG: questions in, cited answers out. Start at `rag.assistant.Assistant.ask`."""
