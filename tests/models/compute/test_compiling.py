"""Which parts are compiled, and what happens where no compiler works."""

import logging

import pytest
import torch
from torch import nn

from models.compute.compiling import CompilerError, compile_parts


def test_compile_choices():
    parts = (nn.Identity(), nn.Identity())
    cpu = torch.device("cpu")
    assert compile_parts("auto", cpu, *parts) == compile_parts(False, cpu, *parts) == parts
    with pytest.raises(ValueError, match=r"module\.compile=fast: expected true, false, auto or"):
        compile_parts("fast", cpu, *parts)


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    """auto goes on without, and says so once; true is refused with the way out."""
    import torch._inductor.config as settings

    monkeypatch.setattr(settings.cpp, "cxx", (None, "/no/such/compiler"))
    monkeypatch.setattr(settings, "force_disable_caches", True)
    calls = []

    class Part(nn.Module):
        def forward(self, x):
            if not torch.compiler.is_compiling():
                calls.append(1)
            return (2 * x).sin()

    x = torch.randn(3)
    gpu = torch.device("cuda")  # where auto compiles; what runs is on the CPU
    (part,) = compile_parts("auto", gpu, Part())
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert torch.equal(part(x), (2 * x).sin())
    assert len(calls) == 2
    warned = [record for record in caplog.records if record.name == "models.compute.compiling"]
    assert ["going on without torch.compile" in record.getMessage() for record in warned] == [True]
    (part,) = compile_parts(True, gpu, Part())
    with pytest.raises(CompilerError, match=r"install a C\+\+ compiler .* module\.compile=false"):
        part(x)
