"""As camadas contra as do PyTorch e as do Hugging Face, com os mesmos parâmetros."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close

from attention_lab.attention import (
    attention,
    attention_loop,
    causal_mask,
    padding_mask,
)
from attention_lab.efficient import tiled_attention
from attention_lab.layers import (
    GPT,
    GPTConfig,
    KVCache,
    MultiHeadAttention,
    MultiHeadWrapper,
    SelfAttention,
    TransformerBlock,
    ablate,
)

B, T, H, D_K, D_V = 2, 5, 3, 4, 7
D_MODEL = H * D_K
VOCAB, CONTEXT, LAYERS = 19, 11, 2
PARTS = ("residual", "norm", "attention", "mlp", "positions")


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def sdpa(q, k, v, mask=None):
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask), None


def shake(module, std=0.5):
    """Parâmetros grandes e todos diferentes: vieses e LayerNorm também contam."""
    with torch.no_grad():
        for p in module.parameters():
            p.add_(torch.randn_like(p) * std)
    return module.eval()


def tiny_gpt(**options):
    config = GPTConfig(VOCAB, CONTEXT, D_MODEL, H, LAYERS, **options)
    return shake(GPT(config), std=0.2)


def some_ids(n_tokens=T, batch=B):
    return torch.randint(VOCAB, (batch, n_tokens))


# Uma cabeça


@pytest.mark.parametrize("causal", [False, True], ids=["livre", "causal"])
@pytest.mark.parametrize("bias", [False, True], ids=["sem bias", "com bias"])
def test_self_attention_is_three_projections_and_sdpa(causal, bias):
    layer = shake(SelfAttention(D_MODEL, D_K, D_V, causal=causal, bias=bias).double())
    x = torch.randn(B, T, D_MODEL, dtype=torch.float64)
    q, k, v = (F.linear(x, W.weight, W.bias) for W in (layer.W_q, layer.W_k, layer.W_v))
    output, weights = layer(x)
    assert_close(output, F.scaled_dot_product_attention(q, k, v, is_causal=causal))
    assert weights.shape == (B, T, T)
    assert_close(weights.sum(-1), torch.ones(B, T, dtype=torch.float64))
    assert_close(weights @ v, output)


def test_self_attention_default_widths():
    assert SelfAttention(6)(torch.randn(B, T, 6))[0].shape == (B, T, 6)
    assert SelfAttention(6, 4)(torch.randn(B, T, 6))[0].shape == (B, T, 4)
    assert SelfAttention(6, 4, 3)(torch.randn(T, 6))[0].shape == (T, 3)
    assert {n for n, _ in SelfAttention(6).named_parameters()} == {
        "W_q.weight",
        "W_k.weight",
        "W_v.weight",
    }


def test_only_one_head_alone_sees_the_future_unless_told():
    assert not SelfAttention(6).causal
    assert all(head.causal for head in MultiHeadWrapper(6, 3).heads)
    assert MultiHeadAttention(6, 3).causal and TransformerBlock(6, 3).attention.causal


def test_self_attention_joins_the_masks_by_and():
    layer = SelfAttention(D_MODEL, causal=True)
    mask = torch.rand(B, T, T) > 0.4
    _, weights = layer(torch.randn(B, T, D_MODEL), mask)
    assert (weights[~(mask & causal_mask(T))] == 0).all()
    assert (weights[mask & causal_mask(T)] > 0).all()


def test_masks_may_come_narrow():
    """De (T,), uma linha para todos, ou de (T, 1), uma coluna."""
    x = torch.randn(B, T, D_MODEL)
    for layer in (SelfAttention(D_MODEL), MultiHeadAttention(D_MODEL, H)):
        for mask in (torch.arange(T) < 3, torch.arange(T)[:, None] < 3):
            assert_close(layer(x, mask), layer(x, mask.expand(T, T)))


def test_the_causal_mask_is_born_where_the_inputs_are():
    """Sem GPU, o dispositivo "meta" faz as vezes dela."""
    seen = []

    def spy(q, k, v, mask):
        seen.append(mask)
        return v, None

    x = torch.zeros(1, T, D_MODEL, device="meta")
    SelfAttention(D_MODEL, causal=True, attend=spy).to("meta")(x)
    MultiHeadAttention(D_MODEL, H, attend=spy).to("meta")(x)
    assert len(seen) == 2 and all(mask.is_meta for mask in seen)


# Várias cabeças


def torch_multihead(ours):
    """``nn.MultiheadAttention`` com os parâmetros de ``MultiHeadAttention``."""
    bias = ours.W_q.bias is not None
    theirs = nn.MultiheadAttention(
        D_MODEL, H, bias=bias, batch_first=True, dtype=ours.W_q.weight.dtype
    )
    copy_multihead(ours, theirs)
    return theirs.eval()


@torch.no_grad()
def copy_multihead(ours, theirs):
    projections = (ours.W_q, ours.W_k, ours.W_v)
    theirs.in_proj_weight.copy_(torch.cat([W.weight for W in projections]))
    theirs.out_proj.weight.copy_(ours.W_o.weight)
    if ours.W_q.bias is not None:
        theirs.in_proj_bias.copy_(torch.cat([W.bias for W in projections]))
        theirs.out_proj.bias.copy_(ours.W_o.bias)


@pytest.mark.parametrize("bias", [False, True], ids=["sem bias", "com bias"])
@pytest.mark.parametrize("causal", [False, True], ids=["livre", "causal"])
@pytest.mark.parametrize("lengths", [None, [3, T]], ids=["cheia", "padding"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["f32", "f64"])
def test_equals_torch_multihead(bias, causal, lengths, dtype):
    ours = MultiHeadAttention(D_MODEL, H, causal=causal, bias=bias).to(dtype)
    shake(ours)
    x = torch.randn(B, T, D_MODEL, dtype=dtype)
    mask = None if lengths is None else padding_mask(lengths, T)
    output, weights = ours(x, mask)
    # lá, True quer dizer "não pode olhar"
    expected, expected_weights = torch_multihead(ours)(
        x,
        x,
        x,
        attn_mask=~causal_mask(T) if causal else None,
        key_padding_mask=None if mask is None else ~mask[:, 0, 0],
        average_attn_weights=False,
    )
    assert_close(output, expected)
    assert_close(weights, expected_weights)
    assert weights.shape == (B, H, T, T) and output.dtype == dtype


@pytest.mark.parametrize("bias", [False, True], ids=["sem bias", "com bias"])
@pytest.mark.parametrize("causal", [False, True], ids=["livre", "causal"])
def test_wrapper_equals_fused(bias, causal):
    wrapper = shake(MultiHeadWrapper(D_MODEL, H, causal=causal, bias=bias))
    fused = MultiHeadAttention(D_MODEL, H, causal=causal, bias=bias)
    kinds = ("weight", "bias") if bias else ("weight",)
    with torch.no_grad():
        for kind in kinds:
            for W in ("W_q", "W_k", "W_v"):
                rows = [getattr(getattr(head, W), kind) for head in wrapper.heads]
                getattr(getattr(fused, W), kind).copy_(torch.cat(rows))
            getattr(fused.W_o, kind).copy_(getattr(wrapper.W_o, kind))
    x = torch.randn(B, T, D_MODEL)
    mask = padding_mask([3, T], T)
    assert_close(wrapper(x), fused(x))
    assert_close(wrapper(x, mask[:, 0]), fused(x, mask))


def test_the_wrapper_works_without_a_batch():
    wrapper = MultiHeadWrapper(D_MODEL, H)
    x = torch.randn(B, T, D_MODEL)
    for got, want in zip(wrapper(x[0]), wrapper(x)):
        assert_close(got, want[0])


def test_parameters_do_not_depend_on_heads_nor_on_length():
    sizes = {
        sum(p.numel() for p in layer(12, h).parameters())
        for layer in (MultiHeadAttention, MultiHeadWrapper)
        for h in (1, 2, 3, 12)
    }
    assert sizes == {4 * 12 * 12}
    assert not list(tiny_gpt().buffers())


def test_one_head_and_one_token():
    layer = MultiHeadAttention(D_MODEL, 1)
    x = torch.randn(B, 1, D_MODEL)
    output, weights = layer(x)
    assert_close(weights, torch.ones(B, 1, 1, 1))
    assert_close(output, layer.W_o(layer.W_v(x)))


def test_dropout_only_while_training():
    layer = MultiHeadAttention(D_MODEL, H, dropout=0.5)
    x = torch.randn(B, T, D_MODEL)
    assert not torch.equal(layer(x)[0], layer(x)[0])
    _, weights = layer(x)
    kept = weights[weights > 0]
    whole = layer.eval()(x)[1]
    assert_close(kept, 2 * whole[weights > 0])  # os que ficam dobram: 1/(1 − 0,5)
    assert torch.equal(layer(x)[0], layer(x)[0])
    for silent in ("attention", "mlp"):  # o dropout alcança a outra parte também
        block = TransformerBlock(D_MODEL, H, dropout=0.5)
        block.attention.dropout.p = 0.0
        writer = block.attention.W_o if silent == "attention" else block.mlp[2]
        nn.init.zeros_(writer.weight)
        nn.init.zeros_(writer.bias)
        assert not torch.equal(block(x)[0], block(x)[0])
        assert torch.equal(block.eval()(x)[0], block(x)[0])
    gpt = tiny_gpt(dropout=0.5)
    ids = some_ids()
    assert torch.equal(gpt(ids)[0], gpt(ids)[0])
    assert not torch.equal(gpt.train()(ids)[0], gpt(ids)[0])


def test_dropout_reaches_every_part():
    wrapper, x = MultiHeadWrapper(D_MODEL, H, dropout=0.5), torch.randn(B, T, D_MODEL)
    assert not torch.equal(wrapper(x)[0], wrapper(x)[0])

    block, seen = ablate(tiny_gpt(dropout=0.5), "residual").blocks[0].train(), []
    block.norm_2.register_forward_pre_hook(lambda _m, args: seen.append(args[0]))
    output, _ = block(x)
    assert (seen[0] == 0).any() and (output == 0).any()  # o da atenção e o da MLP

    gpt, ids = tiny_gpt(dropout=0.5), some_ids()
    assert {m.p for m in gpt.modules() if isinstance(m, nn.Dropout)} == {0.5}
    gpt.dropout.train()  # só o dos embeddings
    assert not torch.equal(gpt(ids)[0], gpt(ids)[0])


# O bloco


@pytest.mark.parametrize("bias", [False, True], ids=["sem bias", "com bias"])
@pytest.mark.parametrize("causal", [False, True], ids=["livre", "causal"])
@pytest.mark.parametrize("lengths", [None, [3, T]], ids=["cheia", "padding"])
# A PyTorch avisa que pre-LN não usa o caminho rápido dela: é o que queremos.
@pytest.mark.filterwarnings("ignore:enable_nested_tensor:UserWarning")
def test_block_equals_torch_encoder_layer(bias, causal, lengths):
    ours = shake(TransformerBlock(D_MODEL, H, causal=causal, bias=bias).double())
    theirs = nn.TransformerEncoderLayer(
        D_MODEL,
        H,
        dim_feedforward=4 * D_MODEL,
        dropout=0.0,
        activation=nn.GELU(approximate="tanh"),
        batch_first=True,
        norm_first=True,
        bias=bias,
        dtype=torch.float64,
    ).train()  # dropout 0: igual a eval, sem o caminho rápido
    copy_multihead(ours.attention, theirs.self_attn)
    for mine, other in (
        (ours.norm_1, theirs.norm1),
        (ours.norm_2, theirs.norm2),
        (ours.mlp[0], theirs.linear1),
        (ours.mlp[2], theirs.linear2),
    ):
        other.load_state_dict(mine.state_dict())
    x = torch.randn(B, T, D_MODEL, dtype=torch.float64)
    mask = None if lengths is None else padding_mask(lengths, T)
    expected = theirs(
        x,
        src_mask=~causal_mask(T) if causal else None,
        src_key_padding_mask=None if mask is None else ~mask[:, 0, 0],
    )
    output, weights = ours(x, mask)
    assert_close(output, expected)
    assert weights.shape == (B, H, T, T)


# O modelo


@torch.no_grad()
def copy_gpt2(ours, theirs):
    """Os parâmetros do GPT-2 do Hugging Face (``Conv1D``: transpostos) no nosso."""
    body = theirs.transformer
    ours.tokens.weight.copy_(body.wte.weight)
    ours.positions.weight.copy_(body.wpe.weight)
    ours.norm.load_state_dict(body.ln_f.state_dict())
    for mine, other in zip(ours.blocks, body.h, strict=True):
        mine.norm_1.load_state_dict(other.ln_1.state_dict())
        mine.norm_2.load_state_dict(other.ln_2.state_dict())
        at = mine.attention
        weights = other.attn.c_attn.weight.chunk(3, dim=1)
        biases = other.attn.c_attn.bias.chunk(3)
        for W, weight, bias in zip(
            (at.W_q, at.W_k, at.W_v), weights, biases, strict=True
        ):
            W.weight.copy_(weight.T)
            W.bias.copy_(bias)
        for W, conv in (
            (at.W_o, other.attn.c_proj),
            (mine.mlp[0], other.mlp.c_fc),
            (mine.mlp[2], other.mlp.c_proj),
        ):
            W.weight.copy_(conv.weight.T)
            W.bias.copy_(conv.bias)


def test_equals_hugging_face_gpt2():
    transformers = pytest.importorskip(
        "transformers",
        reason="sem transformers não há GPT-2 do Hugging Face a comparar",
    )
    config = transformers.GPT2Config(
        vocab_size=VOCAB,
        n_positions=CONTEXT,
        n_embd=D_MODEL,
        n_head=H,
        n_layer=LAYERS,
        bos_token_id=0,
        eos_token_id=0,
    )
    theirs = shake(transformers.GPT2LMHeadModel(config), std=0.2)
    ours = tiny_gpt()
    copy_gpt2(ours, theirs)
    ids = some_ids(CONTEXT)
    with torch.no_grad():
        logits, loss = ours(ids[:, :-1], ids[:, 1:])
        expected = theirs(ids, labels=ids)
    assert_close(logits, expected.logits[:, :-1], atol=1e-5, rtol=0)
    assert_close(loss, expected.loss, atol=1e-5, rtol=0)
    assert expected.logits.std() > 0.5  # os logits variam: a igualdade não é vazia
    size = sum(p.numel() for p in theirs.parameters())
    assert sum(p.numel() for p in ours.parameters()) == size


def test_without_bias_no_part_has_one():
    names = [name for name, _ in tiny_gpt(bias=False).named_parameters()]
    assert names and not any(name.endswith("bias") for name in names)


def test_loss_is_mean_cross_entropy_without_ignored_targets():
    model = tiny_gpt()
    ids, targets = some_ids(), some_ids()
    targets[0, 2:] = -100
    logits, loss = model(ids, targets)
    nats = -logits.log_softmax(-1)
    places = [(0, 0), (0, 1), *((1, t) for t in range(T))]
    assert_close(loss, sum(nats[b, t, targets[b, t]] for b, t in places) / 7)
    assert model(ids)[1] is None


def test_gpt2_initialisation():
    model = GPT(GPTConfig(500, 300, d_model=96, n_heads=4, n_layers=8))
    stds = {name: p.std().item() for name, p in model.named_parameters()}
    for name, p in model.named_parameters():
        if name.endswith("bias"):
            assert (p == 0).all(), name
        elif "norm" in name:
            assert (p == 1).all(), name
        elif name.endswith(("W_o.weight", "mlp.2.weight")):
            assert stds[name] == pytest.approx(0.02 / 4, rel=0.05), name  # √(2·8) = 4
        else:
            assert stds[name] == pytest.approx(0.02, rel=0.05), name
    # embeddings amarrados: não há outra matriz de vocab_size × d_model
    assert sum(p.shape == (500, 96) for p in model.parameters()) == 1


def test_float64_and_state_unmodified():
    model = tiny_gpt().double()
    before = copy.deepcopy(model.state_dict())
    ids = some_ids()
    kept = ids.clone()
    logits, loss = model(ids, ids)
    model.generate(ids, 3)
    model.attention_weights(ids)
    assert logits.dtype == loss.dtype == torch.float64
    assert torch.equal(ids, kept)
    assert_close(model.state_dict(), before, rtol=0, atol=0)
    assert not any(block._forward_hooks for block in model.blocks)


def test_inputs_and_masks_unmodified():
    layer = MultiHeadAttention(D_MODEL, H)
    x, mask = torch.randn(B, T, D_MODEL), padding_mask([3, T], T)
    x_before, mask_before = x.clone(), mask.clone()
    layer(x, mask)
    assert torch.equal(x, x_before) and torch.equal(mask, mask_before)


def test_future_never_leaks_and_past_is_reachable():
    model = tiny_gpt()
    ids = some_ids()
    with torch.no_grad():
        logits, _ = model(ids)
        for j in range(T):
            changed = ids.clone()
            changed[:, j] = (changed[:, j] + 1) % VOCAB
            moved = (model(changed)[0] - logits).abs().amax((0, 2))  # (T,)
            assert (moved[:j] == 0).all(), "o futuro vaza"
            assert (moved[j:] > 1e-4).all(), "o passado não é visto"


def test_without_causal_the_future_is_seen():
    block = TransformerBlock(D_MODEL, H, causal=False)
    x = torch.randn(1, T, D_MODEL)
    changed = x.clone()
    changed[:, -1, 0] += 1
    assert ((block(x)[0] - block(changed)[0]).abs().amax((0, 2)) > 1e-4).all()


def test_padding_does_not_change_the_answer():
    model = MultiHeadAttention(D_MODEL, H, causal=False)
    x = torch.randn(B, T, D_MODEL)
    alone, _ = model(x[:1, :3])
    together, _ = model(x, padding_mask([3, T], T))
    assert_close(together[:1, :3], alone)


def test_gradients_are_finite_with_rows_that_see_nothing():
    block = TransformerBlock(D_MODEL, H)
    x = torch.randn(B, T, D_MODEL, requires_grad=True)
    output, weights = block(x, padding_mask([0, 3], T))
    assert (weights[0] == 0).all()
    output.square().sum().backward()
    for tensor in (x, *block.parameters()):
        assert tensor.grad.isfinite().all()
    assert x.grad.abs().sum() > 0


def test_every_parameter_learns():
    model = tiny_gpt()
    model(some_ids(CONTEXT), some_ids(CONTEXT))[1].backward()
    for name, p in model.named_parameters():
        assert p.grad is not None and p.grad.abs().sum() > 0, name


# A peça que se troca

ATTENDS = {"attention": attention, "attention_loop": attention_loop, "SDPA": sdpa}


@pytest.mark.parametrize("attend", ATTENDS.values(), ids=ATTENDS)
def test_attend_is_exchangeable(attend):
    reference = tiny_gpt()
    other = GPT(GPTConfig(VOCAB, CONTEXT, D_MODEL, H, LAYERS, attend=attend))
    other.load_state_dict(reference.state_dict())
    ids = some_ids(CONTEXT)
    assert_close(other(ids), reference(ids))
    cache = other.new_cache()
    chunks = [other(part, cache=cache)[0] for part in ids.split([4, 1, 6], dim=1)]
    assert_close(torch.cat(chunks, dim=1), reference(ids)[0])


def test_attend_receives_dropout_only_if_there_is_dropout():
    seen = []

    def spy(q, k, v, mask, dropout=None):
        seen.append(dropout)
        return attention(q, k, v, mask, dropout=dropout)

    x = torch.randn(B, T, D_MODEL)
    for module in (SelfAttention, MultiHeadAttention):
        heads = (H,) if module is MultiHeadAttention else ()
        module(D_MODEL, *heads, attend=spy)(x)
        layer = module(D_MODEL, *heads, attend=spy, dropout=0.1)
        layer(x)
        assert seen[-2] is None and seen[-1] is layer.dropout


def test_attention_weights_are_those_of_the_forward_pass():
    model = tiny_gpt()
    ids = some_ids()
    weights = model.attention_weights(ids)
    assert weights.shape == (LAYERS, B, H, T, T)
    assert_close(weights.sum(-1), torch.ones(LAYERS, B, H, T))
    assert (weights.masked_fill(causal_mask(T), 0) == 0).all()
    x = model.tokens(ids) + model.positions.weight[:T]
    x, first = model.blocks[0](x)
    assert torch.equal(weights[0], first)
    assert torch.equal(weights[1], model.blocks[1](x)[1])
    with pytest.raises(ValueError, match="attend=attention"):
        tiny_gpt(attend=sdpa).attention_weights(ids)


def test_attention_weights_leave_no_hook_after_an_error():
    model = tiny_gpt()
    with raises(ValueError, "vocab_size=19"):
        model.attention_weights(torch.tensor([[VOCAB]]))
    assert not any(block._forward_hooks for block in model.blocks)


# O cache KV


@pytest.mark.parametrize(
    "sizes",
    [[1] * CONTEXT, [4, 1, 3, 3], [CONTEXT]],
    ids=["um a um", "partes", "todos"],
)
def test_cache_equals_full_forward(sizes):
    model = tiny_gpt()
    ids = some_ids(CONTEXT)
    cache = model.new_cache()
    parts = [model(part, cache=cache)[0] for part in ids.split(sizes, dim=1)]
    assert_close(torch.cat(parts, dim=1), model(ids)[0], atol=1e-5, rtol=0)
    assert [layer.length for layer in cache] == [CONTEXT] * LAYERS


def test_cache_with_a_padding_mask():
    layer = MultiHeadAttention(D_MODEL, H)
    x = torch.randn(B, T, D_MODEL)
    mask = torch.tensor([[False, True, True, True, True], [True] * 5])[:, None, None]
    whole, weights = layer(x, mask)
    cache = KVCache()
    first, _ = layer(x[:, :3], mask[..., :3], cache)
    last, last_weights = layer(x[:, 3:], mask, cache)
    assert_close(torch.cat([first, last], dim=1), whole)
    assert_close(last_weights, weights[:, :, 3:])


# A geração


@pytest.mark.parametrize("top_k", [None, 1, 5])
@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_generate_is_the_same_with_and_without_cache(top_k, temperature):
    model = tiny_gpt()
    ids = some_ids(3, batch=4)
    options = {"temperature": temperature, "top_k": top_k}
    runs = [
        model.generate(
            ids,
            CONTEXT - 3,
            generator=torch.Generator().manual_seed(7),
            use_cache=use_cache,
            **options,
        )
        for use_cache in (True, False)
    ]
    assert torch.equal(*runs)
    assert runs[0].shape == (4, CONTEXT) and torch.equal(runs[0][:, :3], ids)


def test_generate_uses_the_cache_unless_told():
    lengths = []

    def spy(q, k, v, mask):
        lengths.append(q.shape[-2])
        return attention(q, k, v, mask)

    tiny_gpt(attend=spy).generate(some_ids(3), 3)
    assert lengths[::LAYERS] == [3, 1, 1]


def test_generate_and_attention_weights_keep_no_gradient():
    seen = []

    def spy(q, k, v, mask):
        seen.append(torch.is_grad_enabled())
        return attention(q, k, v, mask)

    model = tiny_gpt(attend=spy)
    ids = some_ids(2)
    model.generate(ids, 1)
    model.attention_weights(ids)
    model(ids)
    assert seen == [False] * 2 * LAYERS + [True] * LAYERS


def test_generate_uses_the_generator_and_nothing_else():
    model = tiny_gpt()
    ids = some_ids(1, batch=8)
    state = torch.get_rng_state()
    first = model.generate(ids, 9, generator=torch.Generator().manual_seed(1))
    assert torch.equal(torch.get_rng_state(), state)
    again = model.generate(ids, 9, generator=torch.Generator().manual_seed(1))
    other = model.generate(ids, 9, generator=torch.Generator().manual_seed(2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(model.generate(ids, 0), ids)


def test_generate_samples_the_model_distribution():
    model = tiny_gpt()
    ids = some_ids(2, batch=1)
    logits = model(ids)[0][0, -1]
    n = 20_000
    drawn = model.generate(ids.expand(n, 2), 1, temperature=1.7)[:, -1]
    frequencies = drawn.bincount(minlength=VOCAB) / n
    assert_close(frequencies, (logits / 1.7).softmax(-1), atol=0.015, rtol=0)
    drawn = model.generate(ids.expand(n, 2), 1, top_k=3)[:, -1]
    best = logits.topk(3)
    assert set(drawn.tolist()) == set(best.indices.tolist())
    frequencies = drawn.bincount(minlength=VOCAB)[best.indices] / n
    assert_close(frequencies, best.values.softmax(-1), atol=0.015, rtol=0)


def test_greedy_is_top_k_1():
    model = tiny_gpt()
    ids = some_ids(2)
    grown = model.generate(ids, 4, top_k=1)
    for t in range(2, 6):
        assert torch.equal(grown[:, t], model(grown[:, :t])[0][:, -1].argmax(-1))


@pytest.mark.parametrize("top_k", [1, 3])
def test_top_k_keeps_k_even_in_a_tie(top_k):
    model = tiny_gpt()
    torch.nn.init.zeros_(model.norm.weight)
    torch.nn.init.zeros_(model.norm.bias)  # todos os logits são 0
    grown = model.generate(some_ids(1, batch=200), 1, top_k=top_k)
    assert len(set(grown[:, -1].tolist())) == top_k


# As ablações


@pytest.mark.parametrize("part", PARTS)
def test_ablation_changes_the_model_and_still_generates(part):
    whole = tiny_gpt()
    ids = some_ids()
    model = ablate(copy.deepcopy(whole), part)
    logits, loss = model(ids, ids)
    assert not torch.allclose(logits, whole(ids)[0])
    loss.backward()
    assert model.attention_weights(ids).shape == (LAYERS, B, H, T, T)
    runs = [
        model.generate(ids, 4, generator=torch.Generator().manual_seed(3), use_cache=c)
        for c in (True, False)
    ]
    assert torch.equal(*runs)


def test_each_ablation_removes_what_it_says():
    ids = torch.tensor([[3, 3, 3, 3]])
    logits, _ = ablate(tiny_gpt(), "attention")(ids)
    moved = ablate(tiny_gpt(), "attention", "positions")(ids)[0]
    assert_close(moved, moved[:, :1].expand_as(moved))  # só resta o próprio token
    assert not torch.allclose(logits[:, 0], logits[:, 3])

    bare = ablate(tiny_gpt(), "attention", "mlp", "norm")
    x = bare.tokens(ids) + bare.positions.weight[:4]
    assert_close(bare(ids)[0], x @ bare.tokens.weight.T)  # só o fluxo residual

    block = ablate(tiny_gpt(), "residual").blocks[0]
    x = torch.randn(B, T, D_MODEL)
    inner = block.attention(block.norm_1(x))[0]
    assert_close(block(x)[0], block.mlp(block.norm_2(inner)))

    model = ablate(tiny_gpt(), "positions")
    assert not model.positions.weight.requires_grad
    assert (model.positions.weight == 0).all()


# Os erros, com os números


def raises(error, *words):
    return pytest.raises(error, match=".*".join(words))


def test_layer_errors():
    x = torch.randn(B, T, D_MODEL)
    for layer in (SelfAttention(D_MODEL, causal=True), MultiHeadAttention(D_MODEL, H)):
        with raises(ValueError, "largura 7", "d_model=12"):
            layer(torch.randn(B, T, 7))
        with raises(TypeError, "int64"):
            layer(torch.zeros(B, T, D_MODEL, dtype=torch.int64))
        with raises(TypeError, "float64", "mesmo dtype"):
            layer(x.double())
        with raises(TypeError, "bool", "float32"):
            layer(x, torch.ones(T, T))
        for shape in ((T, T + 1), (T + 1, T), (T - 1,)):
            with raises(ValueError, "mask", r"\(\.\.\., 5, 5\)"):
                layer(x, torch.ones(shape, dtype=torch.bool))
        with raises(ValueError, "mask está em meta, mas x está em cpu"):
            layer(x, torch.ones(T, T, dtype=torch.bool, device="meta"))
    with raises(ValueError, "n_heads=5", "d_model=12"):
        MultiHeadAttention(12, 5)
    with raises(ValueError, "n_heads=5", "d_model=12"):
        MultiHeadWrapper(12, 5)
    with raises(ValueError, "d_k", "0"):
        SelfAttention(12, 0)
    with raises(ValueError, "n_heads", "0"):
        MultiHeadAttention(12, 0)


def test_config_errors():
    for name in ("vocab_size", "context_length", "d_model", "n_heads", "n_layers"):
        sizes = dict.fromkeys(
            ("vocab_size", "context_length", "d_model", "n_heads", "n_layers"), 2
        )
        with raises(ValueError, name, "0"):
            GPTConfig(**{**sizes, name: 0})
    with raises(ValueError, "n_heads=3", "d_model=4"):
        GPTConfig(9, 9, d_model=4, n_heads=3, n_layers=1)
    with raises(ValueError, "d_model", r"2\.5"):
        GPTConfig(9, 9, d_model=2.5, n_heads=1, n_layers=1)
    with raises(ValueError, "'mpl'", "mlp"):
        ablate(tiny_gpt(), "mpl")


def test_ids_and_targets_errors():
    model = tiny_gpt()
    ids = some_ids()
    for bad, low, high in ((VOCAB, 0, VOCAB), (-1, -1, 0)):
        with raises(ValueError, "0 a 18", "vocab_size=19", rf"{low}\.\.{high}"):
            model(torch.tensor([[0, bad]]))
    with raises(TypeError, "int64", "float32"):
        model(ids.float())
    with raises(ValueError, r"\(B, T\)", r"\(5,\)"):
        model(ids[0])
    with raises(ValueError, r"\(2, 0\)"):
        model(ids[:, :0])
    with raises(ValueError, "12 tokens", "context_length=11"):
        model(some_ids(12))
    cache = model.new_cache()
    model(some_ids(8), cache=cache)
    with raises(ValueError, "8 tokens no cache e 4", "context_length=11"):
        model(some_ids(4), cache=cache)
    with raises(ValueError, r"\(2, 4\)", r"\(2, 5\)"):
        model(ids, ids[:, 1:])
    with raises(ValueError, "0 a 18", "19"):
        model(ids, torch.full_like(ids, VOCAB))
    with raises(ValueError, "0 a 18", "-1"):
        model(ids, torch.full_like(ids, -1))
    with raises(ValueError, "só tem -100"):
        model(ids, torch.full_like(ids, -100))
    with raises(TypeError, "targets", "int64"):
        model(ids, ids.float())
    with raises(ValueError, "ids está em meta, mas o modelo está em cpu"):
        model(ids.to("meta"))
    with raises(ValueError, "targets está em meta, mas ids está em cpu"):
        model(ids, ids.to("meta"))


def test_generation_errors():
    model = tiny_gpt()
    ids = some_ids()
    with raises(ValueError, "5 tokens e mais 7 são 12", "context_length=11"):
        model.generate(ids, 7)
    for temperature in (0, -1.0, float("inf"), float("nan")):
        with raises(ValueError, "temperature", f"{temperature}", "top_k=1"):
            model.generate(ids, 1, temperature=temperature)
    for top_k in (0, VOCAB + 1):
        with raises(ValueError, "vocab_size=19", f"veio {top_k}"):
            model.generate(ids, 1, top_k=top_k)
    for n in (-1, 2.5):
        with raises(ValueError, "n deve", f"{n}"):
            model.generate(ids, n)
    with raises(TypeError, "ids deve", "list"):
        model.generate([[1, 2]], 1)
    with raises(ValueError, "0 a 18"):
        model.generate(torch.tensor([[VOCAB]]), 0)


def test_a_mask_of_three_axes_says_whose_it_is():
    """Com tantas frases quantas cabeças, (B, T, T) e (H, T, T) não se distinguem."""
    torch.manual_seed(0)
    layer, x = MultiHeadAttention(6, n_heads=2), torch.randn(2, 3, 6)
    padding = padding_mask([1, 3], T=3)
    with pytest.raises(ValueError, match=r"\(2, 1, 1, 3\), uma por frase.*\(1, 2,"):
        layer(x, padding[:, 0])
    layer(x, padding)
    layer(torch.randn(3, 3, 6), padding.expand(2, 1, 3, 3)[:, 0])  # uma por cabeça
    MultiHeadAttention(6, n_heads=1)(x[:1], causal_mask(3)[None])  # dá no mesmo


def test_a_mask_of_four_axes_says_whose_it_is():
    layer = MultiHeadAttention(6, n_heads=2, causal=False)
    mask = torch.ones(2, 2, 5, 5, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"\(2, 2, 5, 5\), e 2 é o número de cabeças"):
        layer(torch.randn(2, 2, 5, 6), mask)
    layer(torch.randn(3, 2, 5, 6).transpose(0, 1), mask[:, None])  # (2, 1, 2, 5, 5)


def states(cache):
    return [(layer.k, layer.v, layer.length) for layer in cache]


@torch.no_grad()
def test_an_error_leaves_the_cache_as_it_was():
    model, ids = tiny_gpt(), some_ids(T)
    whole, _ = model(ids)
    cache = model.new_cache()
    model(ids[:, :3], cache=cache)
    before = states(cache)
    with pytest.raises(ValueError, match="targets deve ir"):
        model(ids[:, 3:], targets=torch.full((B, T - 3), 99), cache=cache)
    second = model.blocks[1].attention

    def stopped(*_):
        raise KeyboardInterrupt

    attend, second.attend = second.attend, stopped
    with pytest.raises(KeyboardInterrupt):  # a primeira camada já tinha guardado
        model(ids[:, 3:], cache=cache)
    second.attend = attend
    with pytest.raises(ValueError, match=r"cache guarda 2 frases, mas ids tem 1"):
        model(ids[:1, 3:], cache=cache)
    assert states(cache) == before
    assert_close(model(ids[:, 3:], cache=cache)[0], whole[:, 3:])


def test_a_cache_of_another_model_is_refused():
    model, ids = tiny_gpt(), some_ids(2)
    for cache in (KVCache(), [None] * LAYERS, "cache"):
        with pytest.raises(TypeError, match="new_cache"):
            model(ids, cache=cache)
    for n in (0, LAYERS - 1, LAYERS + 1):
        with pytest.raises(ValueError, match=f"{LAYERS} camadas.*mas veio {n}"):
            model(ids, cache=[KVCache() for _ in range(n)])


def test_a_wrong_mask_does_not_reach_the_cache_of_the_layer():
    layer, x, cache = MultiHeadAttention(6, n_heads=2), torch.randn(4, 3, 6), KVCache()
    layer(x[:, :2], cache=cache)
    with pytest.raises(ValueError, match=r"\(3, 1, 1, 3\), que não cabe"):
        layer(x[:, 2:], torch.ones(3, 1, 1, 3, dtype=torch.bool), cache)
    assert cache.length == 2


@torch.no_grad()
@pytest.mark.parametrize(
    "dtype, temperature", [(torch.float16, 1e-7), (torch.float32, 1e-40)]
)
def test_a_tiny_temperature_is_greedy(dtype, temperature):
    model, ids = tiny_gpt().to(dtype), some_ids(2)
    greedy = model.generate(ids, 5, top_k=1)
    assert torch.equal(model.generate(ids, 5, temperature=temperature), greedy)


def test_generating_nothing_gives_a_copy():
    ids = some_ids(2)
    before = ids.clone()
    tiny_gpt().generate(ids, 0)[0, 0] += 1
    assert torch.equal(ids, before)


def test_the_tiled_attention_fits_a_model_with_dropout():
    ids = some_ids(3)
    model = tiny_gpt(dropout=0.5, attend=tiled_attention)
    other = tiny_gpt(dropout=0.5)
    other.load_state_dict(model.state_dict())
    assert_close(model(ids)[0], other(ids)[0])  # em eval, não há dropout
    with pytest.raises(ValueError, match=r"não faz dropout.*p=0\.5"):
        model.train()(ids)


def test_autocast_may_mix_dtypes():
    """Com o autocast, x chega em bfloat16, e os parâmetros seguem em float32."""
    torch.manual_seed(0)
    layer, x = MultiHeadAttention(6, n_heads=2), torch.randn(2, 3, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output, _ = layer(nn.Linear(6, 6)(x))
    assert output.dtype == torch.bfloat16 and output.isfinite().all()
    with pytest.raises(TypeError, match="use o mesmo dtype"):
        layer(x.bfloat16())
