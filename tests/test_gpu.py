"""Numa GPU, tudo dá os mesmos números que na CPU. Sem GPU, estes testes são pulados."""

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from attention_lab import (
    GPT,
    GPTConfig,
    MultiHeadAttention,
    attention,
    attention_loop,
    causal_mask,
    padding_mask,
    show_heads,
)
from attention_lab.efficient import sdpa_attention, tiled_attention
from attention_lab.experiments import lesson08
from attention_lab.experiments.lesson06 import teacher_forced_loss
from attention_lab.figures import canvas, weights_map
from attention_lab.grammar import induction, language
from tests.test_efficient import (
    D_V,
    EXACT,
    MASKS,
    T_K,
    T_Q,
    B,
    H,
    draw,
    qkv,
)

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="sem GPU nesta máquina"),
    # na primeira volta do gradiente, o PyTorch avisa que vai abrir a GPU
    pytest.mark.filterwarnings("ignore:Attempting to run cuBLAS:UserWarning"),
]
VERSIONS = {
    "explícita": attention,
    "laço": attention_loop,
    "SDPA": sdpa_attention,
    "em blocos": lambda *inputs: tiled_attention(*inputs, block_size=5),
}
versions = pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
masks = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)


@versions
@masks
def test_values_and_gradients(version, mask):
    mask = mask()
    cotangent = draw(B, H, T_Q, D_V, seed=8)

    def run(device):
        inputs = [t.to(device).requires_grad_() for t in qkv()]
        output, _ = version(*inputs, None if mask is None else mask.to(device))
        gradients = torch.autograd.grad(output, inputs, cotangent.to(device))
        return [t.cpu() for t in (output.detach(), *gradients)]

    for got, want in zip(run("cuda"), run("cpu"), strict=True):
        assert_close(got, want, **EXACT)


@pytest.mark.parametrize("version", [attention, sdpa_attention, tiled_attention])
@masks
@pytest.mark.parametrize(
    "dtype, limit",
    [(torch.float32, 1e-5), (torch.float16, 4e-3), (torch.bfloat16, 3e-2)],
    ids=str,
)
def test_other_precisions(version, mask, dtype, limit):
    """Aqui a SDPA usa as versões fundidas, que em float64 não existem."""
    mask = mask()
    mask = None if mask is None else mask.cuda()
    inputs = [t.cuda().requires_grad_() for t in qkv(dtype=dtype)]
    want, _ = attention(*(t.double() for t in inputs), mask)
    got, _ = version(*inputs, mask)
    assert got.dtype == dtype
    assert_close(got.double(), want, rtol=limit, atol=limit)
    cotangent = draw(B, H, T_Q, D_V, seed=8).cuda()
    for a, b in zip(
        torch.autograd.grad(got, inputs, cotangent.to(dtype)),
        torch.autograd.grad(want, inputs, cotangent),
        strict=True,
    ):
        assert_close(a.double(), b.double(), rtol=10 * limit, atol=10 * limit)


@pytest.mark.parametrize("version", [sdpa_attention, tiled_attention])
@pytest.mark.parametrize("T_q", [T_K, 5, 1])
def test_causal(version, T_q):
    q, k, v = (t.cuda() for t in qkv(T_q, dtype=torch.float32))
    past = causal_mask(T_q, T_K, device="cuda")
    assert_close(version(q, k, v, causal=True)[0], attention(q, k, v, past)[0])
    padding = padding_mask(torch.tensor([3, T_K]), T_K).cuda()
    want, _ = attention(q, k, v, padding & past)
    assert_close(version(q, k, v, padding, causal=True)[0], want)


@pytest.mark.parametrize("attend", [attention, sdpa_attention, tiled_attention])
def test_autocast(attend):
    torch.manual_seed(0)
    layer = MultiHeadAttention(12, H, attend=attend).cuda()
    x = draw(B, T_Q, 12, seed=0, dtype=torch.float32).cuda()
    want = layer(x)[0]
    with torch.autocast("cuda", dtype=torch.bfloat16):
        got = layer(x)[0]
        nothing = layer(x, padding_mask(torch.tensor([0, T_Q]), T_Q).cuda())[0]
    assert_close(got.float(), want, rtol=0.05, atol=0.02)
    assert (nothing[0] == 0).all() and nothing.isfinite().all()
    got.float().sum().backward()
    assert all(p.grad.isfinite().all() for p in layer.parameters())


def test_masks_are_made_where_they_are_asked_for():
    assert causal_mask(3, device="cuda").is_cuda
    assert padding_mask(torch.tensor([1, 2], device="cuda"), 3).is_cuda


def test_two_devices_at_once_is_a_clear_error():
    q, k, v = qkv()
    with pytest.raises(ValueError, match=r"k está em cuda:0, mas q está em cpu"):
        attention(q, k.cuda(), v)
    with pytest.raises(ValueError, match=r"mask está em cpu, mas q está em cuda:0"):
        attention(q.cuda(), k.cuda(), v.cuda(), causal_mask(T_Q, T_K))
    with pytest.raises(ValueError, match=r"W_q está em cuda:0, mas x está em cpu"):
        MultiHeadAttention(12, H).cuda()(draw(B, T_Q, 12, seed=0, dtype=torch.float32))
    ids, model = torch.zeros(1, 2, dtype=torch.int64), gpt().cuda()
    with pytest.raises(ValueError, match="ids está em cpu, mas o modelo está em cuda"):
        model(ids)
    with pytest.raises(ValueError, match="targets está em cpu, mas ids está em cuda"):
        model(ids.cuda(), ids)


def test_memory_grows_with_T_and_not_with_its_square():
    long = 16384
    inputs = [draw(long, 64, seed=i, dtype=torch.float32).cuda() for i in range(3)]

    def extra(call):
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        with torch.no_grad():
            output, _ = call()
        return output, torch.cuda.max_memory_allocated() - before

    mask = causal_mask(long, device="cuda")
    want, explicit = extra(lambda: attention(*inputs, mask))
    got, tiled = extra(lambda: tiled_attention(*inputs, causal=True))
    assert_close(got, want, rtol=1e-4, atol=1e-4)
    assert tiled < explicit / 150


def gpt(**options):
    torch.manual_seed(0)
    return GPT(GPTConfig(19, 11, 12, 3, 2, **options)).double()


@pytest.mark.parametrize("attend", [attention, sdpa_attention, tiled_attention])
def test_gpt(attend):
    """Logits, perda, gradientes, pesos, cache e geração."""
    ids = torch.randint(19, (2, 11), generator=torch.Generator().manual_seed(1))
    ours, theirs = gpt(attend=attend).cuda(), gpt()
    got, want = ours(ids.cuda(), ids.cuda()), theirs(ids, ids)
    for a, b in zip(got, want, strict=True):  # os logits e a perda
        assert_close(a.cpu(), b, **EXACT)
    got[1].backward()
    want[1].backward()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert_close(a.grad.cpu(), b.grad, **EXACT)
    if attend is attention:
        maps = ours.attention_weights(ids.cuda()).cpu()
        assert_close(maps, theirs.attention_weights(ids), **EXACT)
    cache = ours.new_cache()
    parts = [ours(part.cuda(), cache=cache)[0] for part in ids.split([4, 1, 6], dim=1)]
    assert_close(torch.cat(parts, dim=1).cpu(), theirs(ids)[0], **EXACT)
    runs = [
        ours.generate(
            ids[:, :3].cuda(),
            8,
            top_k=5,
            generator=torch.Generator("cuda").manual_seed(7),
            use_cache=use_cache,
        )
        for use_cache in (True, False)
    ]
    assert torch.equal(*runs) and runs[0].is_cuda
    greedy = ours.generate(ids[:, :3].cuda(), 8, top_k=1).cpu()
    assert torch.equal(greedy, theirs.generate(ids[:, :3], 8, top_k=1))


def test_gpt2_on_the_gpu(tmp_path):
    transformers = pytest.importorskip("transformers", reason="falta transformers")
    from attention_lab.gpt2 import load_gpt2

    torch.manual_seed(0)
    sizes = {"vocab_size": 31, "n_positions": 20, "n_embd": 12, "n_head": 3}
    theirs = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(**sizes, n_layer=2)
    ).eval()
    theirs.save_pretrained(tmp_path)
    ids = torch.randint(31, (2, 17))
    with torch.no_grad():
        got = load_gpt2(tmp_path).cuda()(ids.cuda())[0].cpu()
        assert_close(got, theirs(ids).logits, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def sentences():
    return language(300, seed=2)


def test_training_gives_the_same_losses(sentences, monkeypatch):
    """60 passos nas mesmas frases: a perda de cada passo, na GPU e na CPU."""
    losses = []
    for gpu in (True, False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda gpu=gpu: gpu)
        model = lesson08.new_language_model(seed=0, n_layers=1)
        history = lesson08.teach_language(model, sentences, seed=0, steps=60)
        assert model.tokens.weight.device.type == "cpu"  # de volta para onde estava
        losses.append(torch.tensor(history.losses))
    assert not torch.equal(*losses)  # um dos treinos foi mesmo na GPU
    assert_close(*losses, rtol=1e-4, atol=1e-4)


def test_a_trained_model_writes_and_is_measured(sentences):
    model = lesson08.new_language_model(seed=0).cuda()
    before = teacher_forced_loss(model, sentences)
    lesson08.teach_language(model, sentences, seed=0, steps=60)
    assert teacher_forced_loss(model, sentences) < before / 2
    assert len(lesson08.write_sentences(model, 5)) == 5


def test_the_copiers():
    copier, batch = lesson08.new_copier(2, seed=0), induction(20, seed=1)
    want, _ = copier(batch.ids)
    maps = copier.attention_weights(batch.ids)
    copier.cuda()
    assert_close(copier(batch.ids.cuda())[0].cpu(), want)
    on_gpu = copier.attention_weights(batch.ids.cuda())
    assert 0 <= lesson08.copy_accuracy(copier, batch) <= 1
    for from_copy in (True, False):
        got = lesson08.best_offset(on_gpu[1, :, 0], batch, from_copy=from_copy)
        want = lesson08.best_offset(maps[1, :, 0], batch, from_copy=from_copy)
        assert got == pytest.approx(want, abs=1e-4)


def test_maps_on_the_gpu_are_shown(capsys):
    maps = F.softmax(draw(2, 4, 4, seed=0), dim=-1).cuda()
    show_heads("o gato miou alto".split(), maps)
    _, ax = canvas(1, 1)
    weights_map(ax, maps[0], "o gato miou alto".split())
    assert "cuda" not in capsys.readouterr().out
