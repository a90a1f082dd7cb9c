"""A escada contra o laço em float64 e contra a SDPA; e contra erros plantados."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from attention_lab import attention as attend
from attention_lab import (
    attention_loop,
    causal_mask,
    dot_scores,
    merge_heads,
    padding_mask,
    self_attention,
    softmax,
    split_heads,
)
from attention_lab.efficient import sdpa_attention, tiled_attention

B, H, T_Q, T_K, D_K, D_V = 2, 3, 5, 7, 4, 11
EXACT = {"rtol": 1e-9, "atol": 1e-11}
EVERY = [attend, attention_loop, sdpa_attention, tiled_attention]


def draw(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def qkv(lead=(B, H), T_q=T_Q, T_k=T_K, d_k=D_K, d_v=D_V, dtype=torch.float64):
    return (
        draw(*lead, T_q, d_k, seed=1, dtype=dtype),
        draw(*lead, T_k, d_k, seed=2, dtype=dtype),
        draw(*lead, T_k, d_v, seed=3, dtype=dtype),
    )


def random_mask():
    mask = draw(B, 1, T_Q, T_K, seed=4) > 0
    mask[..., 0] = True  # toda linha vê ao menos uma chave
    return mask


def mask_with_empty_rows():
    mask = random_mask()
    mask[0, :, 1] = False
    mask[1, :, 4] = False
    return mask


MASKS = {
    "none": lambda: None,
    "causal": lambda: causal_mask(T_Q, T_K),
    "padding": lambda: padding_mask([3, T_K], T_K),
    "causal+padding": lambda: causal_mask(T_Q, T_K) & padding_mask([3, T_K], T_K),
    "random": random_mask,
    "empty rows": mask_with_empty_rows,
    "all empty": lambda: torch.zeros(T_Q, T_K, dtype=torch.bool),
}


def gradients(output, inputs):
    weights = draw(*output.shape, seed=9).to(output.dtype)
    return torch.autograd.grad((output * weights).sum(), inputs)


def contract(implementation):
    """O que toda versão de `attention` tem de cumprir; AssertionError se não."""
    for mask in (make() for make in MASKS.values()):
        compare(implementation, *qkv(), mask)
    for scale in (1.0, 0.3):
        compare(implementation, *qkv(), random_mask(), scale=scale)
    compare(implementation, *qkv(T_q=6, T_k=6, d_v=3), causal_mask(6))
    compare(implementation, *qkv(T_q=1, T_k=1, d_v=2), None)
    compare(implementation, *qkv(lead=(), T_q=2, T_k=3, d_v=5), None)


def compare(implementation, q, k, v, mask, scale=None):
    inputs = [t.clone().requires_grad_() for t in (q, k, v)]
    twins = [t.clone().requires_grad_() for t in (q, k, v)]
    kept = None if mask is None else mask.clone()
    output, weights = implementation(*inputs, mask, scale=scale)

    oracle = F.scaled_dot_product_attention(*twins, attn_mask=kept, scale=scale)
    assert_close(output, oracle, **EXACT)
    loop_output, loop_weights = attention_loop(q, k, v, kept, scale=scale)
    assert_close(output, loop_output, **EXACT)
    assert_close(weights, loop_weights, **EXACT)
    for got, want in zip(gradients(output, inputs), gradients(oracle, twins)):
        assert_close(got, want, **EXACT)

    for before, after in zip((q, k, v), inputs):
        assert_close(after.detach(), before, rtol=0, atol=0)
    if mask is not None:
        assert torch.equal(mask, kept), "a máscara de quem chamou mudou"


@pytest.mark.parametrize("implementation", [attend, attention_loop])
def test_contract(implementation):
    contract(implementation)


@pytest.mark.parametrize("function", [attend, attention_loop, tiled_attention])
@pytest.mark.parametrize("broken", [float("inf"), float("nan")])
def test_a_score_that_nobody_may_see_spoils_nothing(function, broken):
    """Um escore infinito, ou NaN, no futuro não estraga as linhas do passado."""
    q, k, v = torch.ones(3, 4), torch.ones(3, 4), torch.eye(3)
    want, _ = function(q, k, v, causal_mask(3))
    k[2] = broken
    got, _ = function(q, k, v, causal_mask(3))
    torch.testing.assert_close(got[:2], want[:2])


# --- erros plantados: se um passar, a suíte ficou fraca ------------------------------


def mutant(scores_of=None, normalise=softmax, mix=None):
    def implementation(q, k, v, mask=None, *, scale=None):
        factor = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
        scores = dot_scores(q, k)
        scores = scores * factor if scores_of is None else scores_of(scores, q, k, v)
        if mix is not None:
            return mix(scores, mask, v)
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        weights = normalise(scores)
        if mask is not None:
            weights = weights.masked_fill(~mask, 0.0)
        return weights @ v, weights

    return implementation


def masked_after(scores, mask, v):
    weights = softmax(scores)
    weights = weights if mask is None else weights * mask
    return weights @ v, weights


def masked_with_zero(scores, mask, v):
    weights = softmax(scores if mask is None else scores * mask)
    return weights @ v, weights


def masked_with_1e9(scores, mask, v):
    weights = softmax(scores if mask is None else scores.masked_fill(~mask, -1e9))
    return weights @ v, weights


def masked_transposed(scores, mask, v):
    if mask is not None and mask.shape[-1] == mask.shape[-2]:
        mask = mask.transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    weights = softmax(scores)
    weights = weights if mask is None else weights.masked_fill(~mask, 0.0)
    return weights @ v, weights


def masked_inverted(scores, mask, v):
    return masked_transposed(scores, None if mask is None else ~mask, v)


def masked_in_place(scores, mask, v):
    if mask is not None:
        scores = scores.masked_fill(mask.logical_not_(), -torch.inf)
    weights = softmax(scores)
    weights = weights if mask is None else weights.masked_fill(mask, 0.0)
    return weights @ v, weights


def nan_in_empty_rows(scores, mask, v):
    weights = softmax(scores if mask is None else scores.masked_fill(~mask, -torch.inf))
    return weights @ v, weights


def queries_scaled_in_place(q, k, v, mask=None, *, scale=None):
    with torch.no_grad():
        q.mul_(1.0 + 1e-3)
        q.div_(1.0 + 1e-3)
        q.add_(1e-12)
    return attend(q, k, v, mask, scale=scale)


MUTANTS = {
    "no scale": mutant(lambda s, q, k, v: s),
    "√d_v": mutant(lambda s, q, k, v: s / math.sqrt(v.shape[-1])),
    "√T": mutant(lambda s, q, k, v: s / math.sqrt(k.shape[-2])),
    "√d_model": mutant(lambda s, q, k, v: s / math.sqrt(H * q.shape[-1])),
    "√n_heads": mutant(lambda s, q, k, v: s / math.sqrt(H)),
    "mask after softmax": mutant(mix=masked_after),
    "mask with 0": mutant(mix=masked_with_zero),
    "−1e9": mutant(mix=masked_with_1e9),
    "transposed mask": mutant(mix=masked_transposed),
    "inverted mask": mutant(mix=masked_inverted),
    "in-place mask": mutant(mix=masked_in_place),
    "in-place query": queries_scaled_in_place,
    "NaN in empty rows": mutant(mix=nan_in_empty_rows),
    "softmax over columns": mutant(normalise=lambda s: torch.softmax(s, -2)),
    "softmax over batch": mutant(normalise=lambda s: torch.softmax(s, 0)),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_contract_catches(name):
    with pytest.raises(AssertionError):
        contract(MUTANTS[name])


def causal_contract(make_mask):
    """Olhar para si e para o passado, e só; alinhada à última chave."""
    for T_q, T_k in [(1, 1), (5, 5), (5, 7), (1, 7)]:
        mask = make_mask(T_q, T_k)
        assert mask.dtype == torch.bool and mask.shape == (T_q, T_k)
        for i in range(T_q):
            for j in range(T_k):
                assert bool(mask[i, j]) == (j - (T_k - T_q) <= i)


def test_causal_mask():
    causal_contract(causal_mask)
    assert torch.equal(causal_mask(5), causal_mask(5, 5))
    assert causal_mask(3, device="meta").is_meta


CAUSAL_MUTANTS = {
    "diagonal=0": lambda q, k: ~torch.ones(q, k, dtype=torch.bool).triu(k - q),
    "sees one ahead": lambda q, k: torch.ones(q, k, dtype=torch.bool).tril(k - q + 1),
    "transposed": lambda q, k: torch.ones(q, k, dtype=torch.bool).triu(k - q),
    "aligned to the first key": lambda q, k: torch.ones(q, k, dtype=torch.bool).tril(),
    "not boolean": lambda q, k: torch.ones(q, k).tril(k - q),
}


@pytest.mark.parametrize("name", CAUSAL_MUTANTS)
def test_causal_contract_catches(name):
    with pytest.raises(AssertionError):
        causal_contract(CAUSAL_MUTANTS[name])


def heads_contract(split, merge):
    """A cabeça h do token t é a fatia h do vetor desse token, e merge desfaz."""
    x = draw(B, T_Q, H * D_K)
    heads = split(x, H)
    assert heads.shape == (B, H, T_Q, D_K)
    for h in range(H):
        assert_close(heads[:, h], x[..., h * D_K : (h + 1) * D_K], rtol=0, atol=0)
    merged = merge(draw(B, H, T_Q, D_K))
    assert merged.shape == (B, T_Q, H * D_K)
    for h in range(H):
        want = draw(B, H, T_Q, D_K)[:, h]
        assert_close(merged[..., h * D_K : (h + 1) * D_K], want, rtol=0, atol=0)


def test_split_and_merge_heads():
    heads_contract(split_heads, merge_heads)
    assert split_heads(draw(T_Q, H * D_K), H).shape == (H, T_Q, D_K)
    assert_close(merge_heads(split_heads(draw(T_Q, 6), 1)), draw(T_Q, 6))


@pytest.mark.parametrize(
    "split, merge",
    [
        pytest.param(
            lambda x, h: x.reshape(x.shape[0], h, x.shape[1], -1),
            merge_heads,
            id="view splits positions",
        ),
        pytest.param(
            split_heads,
            lambda x: x.reshape(x.shape[0], x.shape[2], -1),
            id="merge without transposing",
        ),
        pytest.param(
            lambda x, h: x.unflatten(-1, (-1, h)).transpose(-1, -2).transpose(-3, -2),
            merge_heads,
            id="heads interleaved",
        ),
    ],
)
def test_heads_contract_catches(split, merge):
    with pytest.raises(AssertionError):
        heads_contract(split, merge)


# --- propriedades --------------------------------------------------------------------


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())
def test_rows_sum_to_one_or_zero(mask):
    mask = mask()
    _, weights = attend(*qkv(), mask)
    seen = torch.ones(()) if mask is None else mask.any(-1).to(weights.dtype)
    assert_close(weights.sum(-1), seen.expand(weights.shape[:-1]).to(weights.dtype))
    assert (weights >= 0).all()


@pytest.mark.parametrize("implementation", [attend, attention_loop])
def test_empty_row_is_zero_with_finite_gradient(implementation):
    inputs = [t.requires_grad_() for t in qkv()]
    output, weights = implementation(*inputs, mask_with_empty_rows())
    assert (output[0, :, 1] == 0).all() and (weights[0, :, 1] == 0).all()
    for grad in torch.autograd.grad(output.square().sum(), inputs):
        assert grad.isfinite().all()


@pytest.mark.parametrize("implementation", [attend, attention_loop])
def test_future_never_leaks_and_past_is_reachable(implementation):
    q, k, v = qkv(T_q=6, T_k=6)
    before, _ = implementation(q, k, v, causal_mask(6))
    for j in range(6):
        k2, v2 = k.clone(), v.clone()
        k2[..., j, :] += 100.0
        v2[..., j, :] -= 50.0
        after, _ = implementation(q, k2, v2, causal_mask(6))
        assert torch.equal(after[..., :j, :], before[..., :j, :])
        moved = (after != before).flatten(-1).any(-1).all(0).all(0)
        assert moved[j:].all()


def test_permuting_the_keys_changes_nothing_and_queries_follow():
    q, k, v = qkv()
    output, weights = attend(q, k, v)
    order, keys = torch.tensor([4, 2, 0, 3, 1]), torch.tensor([6, 0, 5, 1, 4, 2, 3])
    moved, moved_weights = attend(q[..., order, :], k[..., keys, :], v[..., keys, :])
    assert_close(moved, output[..., order, :], **EXACT)
    assert_close(moved_weights, weights[..., order, :][..., keys], **EXACT)


def test_gradcheck():
    inputs = [t.requires_grad_() for t in qkv(lead=(2,), T_q=2, T_k=3, d_k=2, d_v=4)]
    mask = torch.tensor([[True, False, True], [False, False, False]])
    assert torch.autograd.gradcheck(lambda *a: attend(*a, mask)[0], inputs)
    assert torch.autograd.gradcheck(lambda *a: attention_loop(*a, mask)[0], inputs)


@pytest.mark.parametrize(
    "dtype, tolerance",
    [(torch.float32, 2e-6), (torch.bfloat16, 3e-2), (torch.float16, 4e-3)],
    ids=str,
)
@pytest.mark.parametrize("implementation", [attend, attention_loop])
def test_lower_precision(implementation, dtype, tolerance):
    exact, _ = attend(*qkv(), random_mask())
    output, weights = implementation(*qkv(dtype=dtype), random_mask())
    assert output.dtype == weights.dtype == dtype
    assert_close(output.double(), exact, rtol=tolerance, atol=tolerance)


def test_batches_broadcast_so_that_heads_may_share_keys():
    q, k, v = draw(B, H, T_Q, D_K), draw(B, 1, T_K, D_K), draw(B, 1, T_K, D_V)
    want, _ = attend(q, *(t.expand(B, H, *t.shape[-2:]) for t in (k, v)))
    for implementation in EVERY:
        assert_close(implementation(q, k, v)[0], want, **EXACT)


@pytest.mark.parametrize("implementation", EVERY)
def test_the_mask_is_of_the_broadcast_batch(implementation):
    """Uma consulta para todas as cabeças, e uma máscara para cada cabeça."""
    q, k, v = draw(B, 1, T_Q, D_K), draw(B, H, T_K, D_K), draw(B, H, T_K, D_V)
    mask = draw(B, H, T_Q, T_K, seed=4) > 0
    want, _ = attend(q.expand(B, H, T_Q, D_K), k, v, mask)
    assert_close(implementation(q, k, v, mask)[0], want, **EXACT)


@pytest.mark.parametrize("implementation", EVERY)
def test_scale_zero_is_the_mean_of_the_values(implementation):
    q, k, v = qkv()
    mean = v.mean(-2, keepdim=True).expand(B, H, T_Q, D_V)
    assert_close(implementation(q, k, v, scale=0.0)[0], mean, **EXACT)


def test_softmax():
    scores = draw(2, 3, 5)
    assert_close(softmax(scores), torch.softmax(scores, -1), **EXACT)
    assert_close(softmax(scores + 1e4), softmax(scores), rtol=1e-9, atol=1e-9)
    huge = torch.tensor([[3e38, 0.0], [-3e38, -3e38]])
    assert_close(softmax(huge), torch.tensor([[1.0, 0.0], [0.5, 0.5]]))
    assert torch.autograd.gradcheck(softmax, draw(2, 3).requires_grad_())


def test_self_attention_is_attention_without_scale():
    x = draw(B, T_Q, D_K)
    for got, want in zip(self_attention(x), attend(x, x, x, scale=1.0)):
        assert_close(got, want, **EXACT)


def test_dropout_is_applied_to_the_weights_that_mix():
    q, k, v = qkv()
    _, plain = attend(q, k, v)
    output, weights = attend(q, k, v, dropout=lambda w: 2 * w)
    assert_close(weights, 2 * plain, **EXACT)
    assert_close(output, 2 * plain @ v, **EXACT)


def test_padding_mask():
    mask = padding_mask(torch.tensor([0, 2, 3]), 3)
    assert mask.shape == (3, 1, 1, 3)
    assert mask[:, 0, 0].tolist() == [
        [False, False, False],
        [True, True, False],
        [True, True, True],
    ]
    narrow = torch.tensor([50], dtype=torch.uint8)  # 300 não cabe em 8 bits
    assert padding_mask(narrow, 300).sum() == 50
    no_sentences = torch.zeros(0, dtype=torch.int64)
    assert padding_mask(no_sentences, 3).shape == (0, 1, 1, 3)


# --- entradas ruins: o erro diz o nome, o esperado e o que veio ----------------------

Q, K, V = qkv(lead=(2,))
BAD = {
    "not a tensor": (TypeError, r"k .*torch.Tensor.*list", (Q, [[1.0]], V)),
    "integers": (TypeError, r"q .*reais.*int64", (Q.long(), K, V)),
    "dtypes": (
        TypeError,
        r"v é torch.float32, mas q é torch.float64",
        (Q, K, V.float()),
    ),
    "dtypes in another device": (
        TypeError,
        r"v é torch.float32, mas q é torch.float64",
        tuple(t.to("meta") for t in (Q, K, V.float())),
    ),
    "one axis": (ValueError, r"q .*2 eixos.*\(4,\)", (Q[0, 0], K, V)),
    "d_k": (ValueError, r"q tem d_k=4, mas k tem d_k=3", (Q, K[..., :3], V)),
    "no width": (ValueError, r"q tem d_k=0", (Q[..., :0], K[..., :0], V)),
    "T_k": (ValueError, r"k tem 7 tokens.*v tem 6", (Q, K, V[:, :6])),
    "no keys": (ValueError, r"k tem 0 tokens", (Q, K[:, :0], V[:, :0])),
    "batch": (ValueError, r"batch.*\(2, 5, 4\).*\(3, 7, 4\)", (Q, draw(3, 7, 4), V)),
    "batch of v": (ValueError, r"batch.*\(3, 7, 11\)", (Q, K, draw(3, 7, 11))),
    "float mask": (
        TypeError,
        r"mask deve ser bool.*float32",
        (Q, K, V, torch.ones(5, 7)),
    ),
    "list mask": (TypeError, r"mask deve ser bool.*list", (Q, K, V, [[True]])),
    "mask shape": (
        ValueError,
        r"mask tem a forma \(7, 5\).*\(2, 5, 7\)",
        (Q, K, V, torch.ones(7, 5, dtype=torch.bool)),
    ),
    "mask too small": (
        ValueError,
        r"mask tem a forma \(5, 6\)",
        (Q, K, V, torch.ones(5, 6, dtype=torch.bool)),
    ),
    "mask too big": (
        ValueError,
        r"mask tem a forma \(3, 2, 5, 7\)",
        (Q, K, V, torch.ones(3, 2, 5, 7, dtype=torch.bool)),
    ),
    "device": (ValueError, r"k está em meta, mas q está em cpu", (Q, K.to("meta"), V)),
    "mask device": (
        ValueError,
        r"mask está em meta, mas q está em cpu",
        (Q, K, V, torch.ones(5, 7, dtype=torch.bool, device="meta")),
    ),
}


@pytest.mark.parametrize("implementation", EVERY)
@pytest.mark.parametrize("error, message, inputs", BAD.values(), ids=BAD.keys())
def test_bad_input(implementation, error, message, inputs):
    with pytest.raises(error, match=message):
        implementation(*inputs)


@pytest.mark.parametrize(
    "error, message, call",
    [
        (ValueError, r"T_k=3.*T_q=5", lambda: causal_mask(5, 3)),
        (ValueError, r"T_q=0", lambda: causal_mask(0)),
        (ValueError, r"d_k=4, .*d_k=3", lambda: dot_scores(draw(2, 4), draw(2, 3))),
        (TypeError, r"k .*list", lambda: dot_scores(draw(2, 4), [[1.0]])),
        (
            ValueError,
            r"batch de q e k.*\(2, 3, 4\) e \(3, 3, 4\)",
            lambda: dot_scores(draw(2, 3, 4), draw(3, 3, 4)),
        ),
        (TypeError, r"dropout.*0\.1", lambda: attend(Q, K, V, dropout=0.1)),
        (TypeError, r"lengths.*float32", lambda: padding_mask([1.5], 3)),
        (TypeError, r"lengths.*bool", lambda: padding_mask([True, False], 3)),
        (ValueError, r"T=3, mas veio 1\.\.4", lambda: padding_mask([1, 4], 3)),
        (ValueError, r"T=3, mas veio -1\.\.2", lambda: padding_mask([-1, 2], 3)),
        (ValueError, r"\(B,\).*\(1, 2\)", lambda: padding_mask([[1, 2]], 3)),
        (
            ValueError,
            r"n_heads=5 não divide d_model=12",
            lambda: split_heads(draw(2, 12), 5),
        ),
        (ValueError, r"n_heads=0", lambda: split_heads(draw(2, 12), 0)),
        (ValueError, r"3 eixos.*\(2, 12\)", lambda: merge_heads(draw(2, 12))),
        (TypeError, r"scores .*list", lambda: softmax([1.0, 2.0])),
        (
            TypeError,
            r"x .*reais.*int64",
            lambda: self_attention(torch.ones(2, 3).long()),
        ),
    ],
)
def test_bad_input_elsewhere(error, message, call):
    with pytest.raises(error, match=message):
        call()
