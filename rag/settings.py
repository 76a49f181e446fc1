"""Every setting of the product, in one frozen object. Nothing else reads the environment."""

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from rag.errors import PrepError

EMBEDDED_MODEL = "all-MiniLM-L6-v2"


class Settings(BaseSettings):
    """Set any of these as PREP_<NAME> in the environment or in a `.env` file."""

    model_config = SettingsConfigDict(env_prefix="PREP_", env_file=".env", extra="ignore", frozen=True)

    corpus_dir: Path = Field(default=Path("corpus"), description="the folder `python -m ingest` reads when given no path")
    data_dir: Path = Field(default=Path(".prep"), description="where the index and logs live")
    models_dir: Path = Field(default=Path(".prep/models"), description="where the embedded model is kept once exported")
    chroma_url: str = Field(default="", description="a Chroma server, http(s)://host:port; empty: Chroma in the data folder")
    chroma_token: str = Field(default="", description="bearer token for that server", repr=False)
    embed_model: str = Field(
        default=EMBEDDED_MODEL, description="the embedded model, or any sentence-transformers model by name or folder"
    )
    reranker: str = Field(
        default="late-interaction", description="`late-interaction`, `none`, or a cross-encoder by name or folder"
    )
    threads: int = Field(default=2, ge=1, description="the most processor threads a model may use")
    chunk_tokens: int = Field(
        default=250, ge=32, le=2000, description="the longest chunk, in tokens of the embedding model, heading path included"
    )
    candidates: int = Field(default=100, ge=1, description="how many passages each of the two searches brings to fusion")
    rerank_depth: int = Field(default=40, ge=0, description="how many fused candidates the reranker looks at")
    llm: str = Field(default="", description="a chat model as provider:model, like `openai:gpt-5-mini`; empty: offline")
    llm_base_url: str = Field(default="", description="the model server's address; empty: the provider's own")
    llm_timeout: float = Field(default=60, gt=0, description="the most seconds one try of the chat model may take")
    llm_budget: float = Field(default=120, gt=0, description="the most seconds all its tries for one question may take")
    llm_checker: bool = Field(default=False, description="whether the chat model judges each sentence too")
    llm_cache: bool = Field(default=False, description="whether its replies are kept in the data folder and used again")
    llm_price_in: float = Field(default=0, ge=0, description="price of a million tokens it reads; 0: unknown")
    llm_price_out: float = Field(default=0, ge=0, description="price of a million tokens it writes; 0: unknown")
    passages: int = Field(
        default=8, ge=1, description="how many passages a chat model reads, and how many sections an offline answer may quote"
    )

    @property
    def index_dir(self) -> Path:
        return self.data_dir / "index"


def load_settings() -> Settings:
    """The settings as the environment has them; one that cannot be is named, not traced back."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(f"PREP_{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors())
        raise PrepError(f"A setting cannot be used. {wrong}. Change it in the environment or in .env") from error
