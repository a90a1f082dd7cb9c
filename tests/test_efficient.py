"""A atenção do PyTorch e a em blocos contra a da escada; e a memória da em blocos."""

import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close

from attention_lab import attention as attend
from attention_lab import causal_mask, efficient, padding_mask
from attention_lab.efficient import sdpa_attention, tiled_attention
from attention_lab.experiments.lesson08 import peak_memory
from attention_lab.layers import GPT, GPTConfig, KVCache, MultiHeadAttention

B, H, T_Q, T_K, D_K, D_V = 2, 3, 37, 53, 4, 11
EXACT = {"rtol": 1e-12, "atol": 1e-12}


def draw(*shape, seed, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def qkv(T_q=T_Q, T_k=T_K, d_v=D_V, lead=(B, H), dtype=torch.float64):
    sizes = [(T_q, D_K), (T_k, D_K), (T_k, d_v)]
    return [draw(*lead, *s, seed=i, dtype=dtype) for i, s in enumerate(sizes)]


def with_empty_rows():
    mask = draw(B, 1, T_Q, T_K, seed=5) > 0
    mask[0, :, 3] = False
    return mask


MASKS = {
    "none": lambda: None,
    "causal": lambda: causal_mask(T_Q, T_K),
    "padding": lambda: padding_mask([3, T_K], T_K),
    "late keys only": lambda: (torch.arange(T_K) > 40).expand(T_Q, T_K),
    "empty rows": with_empty_rows,
    "one axis": lambda: torch.arange(T_K) > 40,
    "no axis": lambda: torch.tensor(True),
}
TILED = {
    f"tiled {size}": lambda q, k, v, m, size=size: tiled_attention(
        q, k, v, m, block_size=size
    )
    for size in (1, 2, 5, 128)
}
IMPLEMENTATIONS = TILED | {"sdpa": sdpa_attention}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())
@pytest.mark.parametrize(
    "implementation", IMPLEMENTATIONS.values(), ids=IMPLEMENTATIONS.keys()
)
def test_values_and_gradients(implementation, mask):
    mask = mask()
    inputs = [t.requires_grad_() for t in qkv()]
    want, _ = attend(*inputs, mask)
    got, weights = implementation(*inputs, mask)
    assert weights is None
    assert_close(got, want, **EXACT)
    cotangent = draw(*want.shape, seed=8)
    for a, b in zip(
        torch.autograd.grad(got, inputs, cotangent),
        torch.autograd.grad(want, inputs, cotangent),
        strict=True,
    ):
        assert_close(a, b, **EXACT)


CAUSAL = {
    f"tiled {size}": lambda *qkvm, size=size, **options: tiled_attention(
        *qkvm, block_size=size, **options
    )
    for size in (1, 3, 128)
} | {"sdpa": sdpa_attention}


@pytest.mark.parametrize("implementation", CAUSAL.values(), ids=CAUSAL.keys())
@pytest.mark.parametrize("sizes", [(T_Q, T_Q), (T_Q, T_K), (1, T_K), (1, 1)])
def test_causal_is_the_causal_mask(implementation, sizes):
    q, k, v = qkv(*sizes)
    want, _ = attend(q, k, v, causal_mask(*sizes))
    assert_close(implementation(q, k, v, causal=True)[0], want, **EXACT)
    masks = {
        "padding": padding_mask([min(2, sizes[1]), sizes[1]], sizes[1]),
        "late keys": torch.arange(sizes[1]) > sizes[1] // 2,  # e linhas vazias
        "no axis": torch.tensor(True),
    }
    for mask in masks.values():
        want, _ = attend(q, k, v, mask & causal_mask(*sizes))
        got, _ = implementation(q, k, v, mask, causal=True)
        assert_close(got, want, **EXACT)


@pytest.mark.parametrize("implementation", [tiled_attention, sdpa_attention])
def test_scale_broadcast_and_no_batch(implementation):
    q, k, v = qkv()
    assert_close(implementation(q, k, v, scale=0.3)[0], attend(q, k, v, scale=0.3)[0])
    k, v = k[:, :1], v[:, :1]  # as cabeças partilham chaves e valores
    assert_close(implementation(q, k, v)[0], attend(q, k, v)[0], **EXACT)
    q, k, v = qkv(lead=())
    assert_close(implementation(q, k, v)[0], attend(q, k, v)[0], **EXACT)


def test_blocks_in_the_future_are_not_computed(monkeypatch):
    widths, block = [], efficient.query_block

    def spy(q, k, *rest):
        widths.append(k.shape[-2])
        return block(q, k, *rest)

    monkeypatch.setattr(efficient, "query_block", spy)
    tiled_attention(*qkv(8, 8), causal=True, block_size=2)
    assert widths == [2, 4, 6, 8]


def test_sdpa_receives_four_equal_axes(monkeypatch):
    """Só assim o PyTorch usa a versão fundida."""
    sdpa, leads = F.scaled_dot_product_attention, []

    def spy(q, k, v, *rest, **options):
        leads.append((q.shape[:-2], k.shape[:-2], v.shape[:-2]))
        return sdpa(q, k, v, *rest, **options)

    monkeypatch.setattr(F, "scaled_dot_product_attention", spy)
    q, k, v = qkv(lead=(2,))
    sdpa_attention(q, k[:1], v)
    assert leads == [((1, 2),) * 3]


def test_sdpa_builds_the_causal_mask_where_the_inputs_are():
    """Sem GPU, o dispositivo "meta" faz as vezes dela."""
    assert sdpa_attention(*(t.to("meta") for t in qkv()), causal=True)[0].is_meta


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_accumulates_in_float32(dtype):
    q, k, v = qkv(T_k=400, dtype=dtype)
    want, _ = attend(*(t.double() for t in (q, k, v)))
    got, _ = tiled_attention(q, k, v, block_size=4)
    assert got.dtype == dtype
    assert_close(got.double(), want, rtol=torch.finfo(dtype).eps / 2, atol=1e-6)


@pytest.mark.parametrize("needs_grad", [False, True])
def test_autocast_does_not_touch_the_sums(needs_grad):
    q, k, v = (t.requires_grad_(needs_grad) for t in qkv(dtype=torch.float32))
    want, _ = tiled_attention(q, k, v, block_size=4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got, _ = tiled_attention(q, k, v, block_size=4)
    assert torch.equal(got, want)
    if needs_grad:
        got.sum().backward()


def test_large_scores_do_not_overflow():
    q, k, v = (100 * t for t in qkv())
    got, _ = tiled_attention(q, k, v, block_size=2)
    assert_close(got, attend(q, k, v)[0], rtol=1e-9, atol=1e-9)
    single = (t.float() for t in (q, k, v))
    assert tiled_attention(*single, block_size=2)[0].isfinite().all()


def test_inputs_are_not_changed():
    inputs, mask = qkv(), with_empty_rows()
    kept = [t.clone() for t in (*inputs, mask)]
    tiled_attention(*inputs, mask, block_size=5)
    for before, after in zip(kept, (*inputs, mask), strict=True):
        assert torch.equal(before, after)


def test_gradcheck():
    inputs = [t.requires_grad_() for t in qkv(T_q=3, T_k=5, d_v=2, lead=())]
    call = lambda *a: tiled_attention(*a, causal=True, block_size=2)[0]  # noqa: E731
    assert torch.autograd.gradcheck(call, inputs)


def test_dropout_follows_the_mode_of_the_module():
    q, k, v = qkv()
    dropout = nn.Dropout(0.5)
    assert not torch.equal(*(sdpa_attention(q, k, v, dropout=dropout)[0] for _ in "12"))
    dropout.eval()
    assert_close(sdpa_attention(q, k, v, dropout=dropout)[0], attend(q, k, v)[0])
    with pytest.raises(TypeError, match=r"nn\.Dropout.*float"):
        sdpa_attention(q, k, v, dropout=0.5)


@pytest.mark.parametrize("implementation", [tiled_attention, sdpa_attention])
def test_the_layer_sends_no_causal_mask_to_those_that_do_without(implementation):
    """Nem com o cache; e a máscara de quem chama chega como veio."""
    assert implementation.takes_causal
    sent = []

    def spy(q, k, v, mask=None, **options):
        sent.append((mask, options))
        return implementation(q, k, v, mask, **options)

    spy.takes_causal = True
    torch.manual_seed(0)
    layer = MultiHeadAttention(8, 2, attend=spy)
    x, cache = draw(2, 6, 8, seed=0, dtype=torch.float32), KVCache()
    parts = [layer(part, cache=cache)[0] for part in x.split([3, 1, 2], dim=1)]
    layer.attend = attend
    assert_close(torch.cat(parts, dim=1), layer(x)[0])
    assert sent == [(None, {"causal": True})] * 3
    layer.attend, padding = spy, padding_mask([2, 6], 6)
    got, _ = layer(x, padding)
    assert sent[-1][0] is padding
    layer.attend = attend
    assert_close(got, layer(x, padding)[0])
    layer.attend, layer.causal = spy, False
    layer(x)
    assert sent[-1] == (None, {})
    layer.causal, spy.takes_causal = True, False
    layer(x)
    assert torch.equal(sent[-1][0], causal_mask(6)) and sent[-1][1] == {}


def test_dropout_and_causal_arrive_together():
    torch.manual_seed(0)
    layer = MultiHeadAttention(8, 2, dropout=0.5, attend=sdpa_attention)
    x = draw(2, 6, 8, seed=0, dtype=torch.float32)
    assert not torch.equal(layer(x)[0], layer(x)[0])
    got, _ = layer.eval()(x)
    layer.attend = attend
    assert_close(got, layer(x)[0])


def test_the_same_gpt_with_each_of_them():
    ids = torch.randint(40, (2, 9), generator=torch.Generator().manual_seed(0))
    logits = []
    for function in (attend, sdpa_attention, tiled_attention):
        torch.manual_seed(0)
        model = GPT(GPTConfig(40, 12, 8, 2, 2, attend=function)).double()
        logits.append(model(ids)[0])
    assert_close(logits[1], logits[0], **EXACT)
    assert_close(logits[2], logits[0], **EXACT)


@pytest.mark.parametrize(
    ("message", "options"),
    [
        ("block_size.*0", {"block_size": 0}),
        (r"block_size.*2\.5", {"block_size": 2.5}),
        ("T_q=37.*5", {"causal": True}),
    ],
)
def test_bad_input(message, options):
    q, k, v = qkv(T_k=5)
    with pytest.raises(ValueError, match=message):
        tiled_attention(q, k, v, **options)
    if "causal" in options:
        with pytest.raises(ValueError, match=message):
            sdpa_attention(q, k, v, **options)


def test_memory_of_the_gradient_grows_with_T():
    """Na volta, cada bloco é refeito: guardá-los pediria o quádruplo."""

    def step(T):
        q, k, v = qkv(T, T, lead=(), dtype=torch.float32)
        tiled_attention(q.requires_grad_(), k, v, block_size=16)[0].sum().backward()

    assert peak_memory(step, 256) < 2.5 * peak_memory(step, 128)


PEAK = """
import re, torch
from attention_lab import MultiHeadAttention, attention, causal_mask
from attention_lab.efficient import tiled_attention
torch.set_num_threads(1)

def peak():  # KiB, deste processo: ru_maxrss herdaria o do pai
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])

layer = MultiHeadAttention(64, 1, attend=tiled_attention)

def run(q, k, v):
    with torch.no_grad():
        if "{name}" == "tiled":
            tiled_attention(q, k, v, causal=True)
        elif "{name}" == "layer":
            layer(q)
        else:
            attention(q, k, v, causal_mask(len(q)))

run(*(torch.randn(512, 64) for _ in range(3)))  # aquece
inputs = [torch.randn({T}, 64) for _ in range(3)]
before = peak()
run(*inputs)
print(peak() - before)
"""


def extra_memory(name, T):
    """KiB a mais no pico, num processo novo."""
    code = PEAK.replace("{name}", name).replace("{T}", str(T))
    run = [sys.executable, "-c", code]
    return int(subprocess.run(run, capture_output=True, check=True, text=True).stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="lê /proc do Linux")
def test_memory_grows_with_T_and_not_with_its_square():
    T = 16384
    explicit = 2 * T * T * 4 / 1024  # escores e pesos em float32, em KiB
    assert extra_memory("tiled", T) < explicit / 150
    assert extra_memory("layer", T) < explicit / 60  # e as projeções, que são T × d
    assert extra_memory("explicit", 4096) > 2 * 4096**2 * 4 / 1024  # a régua mede
