"""Exercícios do caderno 07: outras maneiras certas de responder, e os enganos."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from attention_lab import attention, causal_mask, check
from attention_lab.attention import split_heads
from tools.notebooks import NOTEBOOKS


def split_by_slices(x, n_heads):
    d_k = x.shape[-1] // n_heads
    pieces = [x[:, :, h * d_k : (h + 1) * d_k] for h in range(n_heads)]
    return torch.stack(pieces, dim=1)


def split_one_number_at_a_time(x, n_heads):
    B, T, d_model = x.shape
    d_k = d_model // n_heads
    heads = torch.zeros(B, n_heads, T, d_k, dtype=x.dtype)
    for c in range(d_model):
        heads[:, c // d_k, :, c % d_k] = x[:, :, c]
    return heads


def heads_one_by_one(q, k, v, n_heads):
    """Um laço por cabeça, com a SDPA e uma softmax à parte para os pesos."""
    T, d_k = q.shape[1], q.shape[-1] // n_heads
    blocked = torch.ones(T, T, dtype=torch.bool).triu(1)
    outputs, tables = [], []
    for h in range(n_heads):
        a, b, c = (z[..., h * d_k : (h + 1) * d_k] for z in (q, k, v))
        outputs.append(F.scaled_dot_product_attention(a, b, c, is_causal=True))
        scores = (a @ b.mT / d_k**0.5).masked_fill(blocked, -torch.inf)
        tables.append(scores.softmax(-1))
    return torch.cat(outputs, -1), torch.stack(tables, 1)


def heads_by_einsum(q, k, v, n_heads):
    B, T = q.shape[:2]
    q, k, v = (z.reshape(B, T, n_heads, -1).double() for z in (q, k, v))
    scores = torch.einsum("bihd,bjhd->bhij", q, k) / q.shape[-1] ** 0.5
    scores = scores.masked_fill(~torch.ones(T, T).tril().bool(), -1e30)
    weights = scores.softmax(-1)
    return torch.einsum("bhij,bjhd->bihd", weights, v).reshape(B, T, -1), weights


def parcels_by_zeroing(heads, W_o):
    parcels = []
    for h in range(heads.shape[1]):
        alone = torch.zeros_like(heads)
        alone[:, h] = heads[:, h]
        parcels.append(F.linear(alone.transpose(1, 2).flatten(-2), W_o))
    return torch.stack(parcels, dim=1)


def parcels_by_einsum(heads, W_o):
    blocks = W_o.reshape(W_o.shape[0], heads.shape[1], -1)
    return torch.einsum("bhtd,ohd->bhto", heads, blocks)


def parcels_of_rows(heads, W_o):
    """As fatias de linhas de W_o, no lugar das de colunas."""
    d_k = heads.shape[-1]
    parcels = []
    for h in range(heads.shape[1]):
        parcels.append(heads[:, h] @ W_o[h * d_k : h * d_k + d_k].T)
    return torch.stack(parcels, dim=1)


def joined(merge):
    """A resposta do 7.4, com outra volta."""

    def answer(q, k, v, n_heads):
        B, T, d_model = q.shape
        q, k, v = (z.view(B, T, n_heads, -1).transpose(1, 2) for z in (q, k, v))
        output, weights = attention(q, k, v, causal_mask(T))
        return merge(output, (B, T, d_model)), weights

    return answer


def heads_joined_by_view(q, k, v, n_heads):
    B, T, d_model = q.shape
    q, k, v = (z.view(B, T, n_heads, -1).transpose(1, 2) for z in (q, k, v))
    output, weights = attention(q, k, v, causal_mask(T))
    return output.transpose(1, 2).view(B, T, d_model), weights


def returns_in_the_loop(x, n_heads):
    d_k, pieces = x.shape[-1] // n_heads, []
    for h in range(n_heads):
        pieces.append(x[:, :, h * d_k : (h + 1) * d_k])
        return torch.stack(pieces, dim=1)


def returns_a_parcel_in_the_loop(heads, W_o):
    d_k = heads.shape[-1]
    for h in range(heads.shape[1]):
        return heads[:, h] @ W_o[:, h * d_k : (h + 1) * d_k].T


def slides_one_number(x, n_heads):
    d_k = x.shape[-1] // n_heads
    return torch.stack([x[:, :, h : h + d_k] for h in range(n_heads)], dim=1)


def calls_the_ready_one(x, n_heads):
    return split_heads(x, n_heads)


def in_the_notebook(name):
    """A `split_heads` que o caderno define na seção 4, com esse nome."""
    notebook = json.loads(next(NOTEBOOKS.glob("07*.ipynb")).read_text("utf-8"))
    sources = ["".join(cell["source"]) for cell in notebook["cells"]]
    code = next(source for source in sources if source.startswith("def split_heads"))
    code = code.partition("\n\n\n")[0].replace("def split_heads", f"def {name}")
    exec(code, names := {})
    return names[name]


def two_names_for_three_sizes(x, n_heads):
    B, T = x.shape
    return x.view(B, T)


@pytest.mark.parametrize(
    "exercise_id, answer",
    [
        ("7.1", torch.Size([3, 4, 10, 10])),
        ("7.1", [3, 4, 10, 10]),
        ("7.1", np.array([3, 4, 10, 10])),
        ("7.2", 36864),
        ("7.2", 36864.0),
        ("7.2", torch.tensor(36864)),
        ("7.3", split_by_slices),
        ("7.3", split_one_number_at_a_time),
        ("7.3", in_the_notebook("my_split")),
        ("7.3", lambda x, H: torch.stack(x.chunk(H, -1), 1)),
        ("7.3", lambda x, H: x.unflatten(-1, (H, -1)).permute(0, 2, 1, 3)),
        ("7.4", heads_one_by_one),
        ("7.4", heads_by_einsum),
        ("7.5", parcels_by_zeroing),
        ("7.5", parcels_by_einsum),
        ("7.5", lambda heads, W: parcels_by_einsum(heads.double(), W.double())),
    ],
)
def test_right_in_another_way(exercise_id, answer):
    result = check(exercise_id, answer)
    assert result, result


def test_repeated_split_needs_the_gradient():
    result = check("7.3", lambda x, H: split_by_slices(x.detach(), H))
    assert result.mistake == "gradient"


@pytest.mark.parametrize(
    "exercise_id, answer, mistake",
    [
        ("7.1", (3, 10, 4, 4), "heads-compared"),
        ("7.2", 294912, "times-heads"),
        ("7.2", 27648, "without-output"),
        ("7.3", lambda x, H: x.view(len(x), H, x.shape[1], -1), "view"),
        ("7.3", lambda x, H: x.view(*x.shape[:2], H, -1), "no-transpose"),
        (
            "7.3",
            lambda x, H: x.view(*x.shape[:2], -1, H).permute(0, 3, 1, 2),
            "interleaved",
        ),
        (
            "7.5",
            lambda heads, W: heads.transpose(1, 2).flatten(-2) @ W.T,
            "total",
        ),
        ("7.1", (4, 10, 10), "without-batch"),
        ("7.1", (3, 4, 24, 24), "model-widths-compared"),
        ("7.2", 4608, "divided"),
        ("7.2", 101376, "output-per-head"),
        ("7.2", (96, 96), "shape"),
        ("7.2", 36.864, "thousands-dot"),
        ("7.2", (36, 864), "thousands-comma"),
        ("7.3", lambda x, H: list(x.chunk(H, -1)), "returned-list"),
        ("7.3", lambda x, H: torch.cat(x.chunk(H, -1), 1), "concatenated-tokens"),
        ("7.3", lambda x, H: torch.cat(x.chunk(H, -1), -1), "concatenated-width"),
        (
            "7.3",
            lambda x, H: x.unflatten(-1, (H, -1)).permute(1, 0, 2, 3),
            "batch-moved",
        ),
        (
            "7.3",
            lambda x, H: x.unflatten(-1, (H, -1)).transpose(1, 2).transpose(2, 3),
            "width-before-tokens",
        ),
        ("7.4", heads_joined_by_view, "view-complains"),
        ("7.5", lambda heads, W: list(parcels_by_zeroing(heads, W)), "returned-list"),
        ("7.5", parcels_of_rows, "rows-of-W_o"),
        (
            "7.5",
            lambda heads, W: torch.einsum(
                "bhtd,hdo->bhto",
                heads,
                W.reshape(heads.shape[1], heads.shape[3], len(W)),
            ),
            "reshaped",
        ),
        ("7.1", (3, 10, 4, 10), "tokens-before-heads"),
        ("7.2", 4 * 12 * 12, "small-squares"),
        ("7.3", returns_in_the_loop, "first-head"),
        ("7.3", lambda x, H: x.chunk(H, -1)[0], "first-head-alone"),
        ("7.3", slides_one_number, "overlapping"),
        (
            "7.3",
            lambda x, H: x.view(*x.shape[:2], H, -1).transpose(1, 3),
            "moved-last",
        ),
        (
            "7.3",
            lambda x, H: x.transpose(1, 2).view(len(x), H, x.shape[1], -1),
            "moved-first-by-view",
        ),
        ("7.3", split_heads, "refused"),
        ("7.3", calls_the_ready_one, "refused"),
        ("7.3", in_the_notebook("split_heads"), "refused"),
        ("7.4", joined(lambda x, shape: x.flatten(1, 2)), "concatenated-tokens"),
        (
            "7.4",
            joined(lambda x, shape: x.transpose(1, 3).reshape(shape)),
            "heads-moved-last",
        ),
        (
            "7.4",
            joined(lambda x, shape: x.transpose(1, 3).flatten(2)),
            "heads-moved-last-joined",
        ),
        ("7.5", lambda heads, W: parcels_by_einsum(heads, W)[:, :1], "first-head"),
        ("7.5", returns_a_parcel_in_the_loop, "first-head-alone"),
    ],
)
def test_mistakes_written_by_students(exercise_id, answer, mistake):
    assert check(exercise_id, answer).mistake == mistake


@pytest.mark.parametrize(
    "exercise_id, answer, words",
    [
        ("7.1", "(3,4,10,10)", "`(…, …, …, …)`. Chegou um texto: tire as aspas"),
        ("7.2", "36864", "só os algarismos"),
        ("7.3", lambda x, H: x.view(*x.shape[:2], H, x.shape[2] / H), "use `//`"),
        ("7.3", lambda x, H: x.view(2, 6, 3, 4).transpose(1, 2), "`x.shape`"),
        ("7.3", two_names_for_three_sizes, "outro número de valores"),
        ("7.3", lambda x, H: x.mT.view(-1), "também a errada"),
        ("7.4", joined(lambda x, shape: x.flatten(1, 2)), "As cabeças ficaram"),
        ("7.5", lambda heads, W: heads[:, 0] @ heads[:, 0], "`@` com três eixos"),
    ],
)
def test_what_the_message_says(exercise_id, answer, words):
    assert words in repr(check(exercise_id, answer))


def test_the_view_is_shown_in_numbers():
    result = check("7.3", lambda x, H: x.reshape(len(x), H, x.shape[1], -1))
    assert "os do token de índice 2; deveriam ser os do token de índice 0" in repr(
        result
    )
