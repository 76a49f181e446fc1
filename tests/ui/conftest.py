"""The app over one guide."""

import os
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from ingest.sync import synchronise
from rag.embed import OnnxEncoder
from rag.settings import Settings
from tests.conftest import MODELS

os.environ.setdefault("HF_HUB_OFFLINE", "1")

ROOT = Path(__file__).parents[2]
GUIDE = "corpus/debugging/train-serve-skew.md"


@pytest.fixture
def app(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The app as a person finds it before anything was ingested. It reads its settings from the environment."""
    monkeypatch.setenv("PREP_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("PREP_MODELS_DIR", str(MODELS))
    st.cache_resource.clear()
    return AppTest.from_file(str(ROOT / "ui" / "app.py"), default_timeout=60)


@pytest.fixture
def ingested(settings: Settings, tmp_path: Path, encoder: OnnxEncoder) -> Settings:
    target = tmp_path / GUIDE
    target.parent.mkdir(parents=True)
    opening, *sections = (ROOT / GUIDE).read_text().split("\n## ")
    target.write_text("\n## ".join([opening, *sections[:5]]))  # the first five are enough, and quick to embed
    synchronise(settings, [], encoder=encoder)
    return settings
