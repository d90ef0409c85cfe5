"""The precision that a machine is fastest in: taken by itself, told where it is emulated."""

import logging
from pathlib import Path

import pytest
import torch

from models.compute.devices import choose_precision, computes_in_bf16


def test_the_processor_is_asked():
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    if not flags:
        pytest.skip("no /proc/cpuinfo on this system")
    has = "avx512_bf16" in flags or "amx_bf16" in flags
    assert computes_in_bf16("cpu") is has
    assert choose_precision("auto", "cpu") == ("bf16-mixed" if has else "32-true")


@pytest.mark.parametrize("instruction", ["avx512_bf16", "amx_bf16", None])
def test_auto_is_bf16_where_there_are_instructions(instruction, monkeypatch, caplog):
    capabilities = {"avx512_f": True, "avx512_bf16": False, instruction: True}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert choose_precision("auto", "cpu") == ("bf16-mixed" if instruction else "32-true")
    with caplog.at_level(logging.WARNING, logger="train"):
        for given in ("32-true", "64-true", None):
            assert choose_precision(given, "cpu") == given
        assert not caplog.records
        assert choose_precision("bf16-mixed", "cpu") == "bf16-mixed"  # of a run begun elsewhere
    assert ("no bf16 instructions" in caplog.text) is (instruction is None)
