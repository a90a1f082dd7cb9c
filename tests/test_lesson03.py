"""Exercícios do caderno 03: outras maneiras certas de responder."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import attention_lab
from attention_lab import check


def scores_by_loop(q, k):
    table = torch.zeros(len(q), len(k))
    for i in range(len(q)):
        for j in range(len(k)):
            table[i, j] = (q[i] * k[j]).sum()
    return table


def softmax_by_rows(scores, factor):
    scores = factor * scores
    flat = scores.reshape(-1, scores.shape[-1])
    rows = [torch.exp(row - row.max()) for row in flat]
    return torch.stack([row / row.sum() for row in rows]).reshape(scores.shape)


def others_by_deleting(x):
    """Tira o próprio token da lista de chaves, sem −∞."""
    T = len(x)
    weights = torch.zeros(T, T)
    for i in range(T):
        rest = [j for j in range(T) if j != i]
        weights[i, rest] = torch.softmax(x[rest] @ x[i], -1)
    return weights @ x, weights


def others_by_a_huge_number(x):
    """−1e9, como se vê em muito código, e a diagonal zerada depois da exponencial."""
    scores = x @ x.T - 1e9 * torch.eye(len(x))
    exps = (scores - scores.amax(-1, keepdim=True)).exp() * (1 - torch.eye(len(x)))
    return exps @ x / exps.sum(-1, keepdim=True), exps / exps.sum(-1, keepdim=True)


def others_by_renormalising(x):
    """Zera a diagonal depois da exponencial, com o máximo dos outros."""
    scores, diagonal = x @ x.T, torch.eye(len(x), dtype=torch.bool)
    top = scores.masked_fill(diagonal, -torch.inf).amax(-1, keepdim=True)
    exps = (scores - top).exp().masked_fill(diagonal, 0.0)
    weights = exps / exps.sum(-1, keepdim=True)
    return weights @ x, weights


@pytest.mark.parametrize(
    "exercise_id, answer",
    [
        ("3.1", scores_by_loop),
        ("3.1", lambda q, k: torch.einsum("id,jd->ij", q, k)),
        ("3.1", lambda q, k: q.numpy() @ k.numpy().T),
        ("3.1", lambda q, k: [[float(a @ b) for b in k] for a in q]),
        ("3.1", lambda q, k: q.double() @ k.double().T),
        ("3.1", F.linear),
        ("3.2", 0.117),
        ("3.2", np.float64(0.1173)),
        ("3.2", torch.tensor(0.117)),
        ("3.3", softmax_by_rows),
        ("3.3", lambda s, f: softmax_by_rows(s.double(), f)),
        ("3.3", lambda s, f: (f * s - (f * s).logsumexp(-1, keepdim=True)).exp()),
        ("3.4", lambda x: list(attention_lab.self_attention(x))),
        ("3.5", others_by_deleting),
        ("3.5", others_by_a_huge_number),
        ("3.5", others_by_renormalising),
        ("3.2", [0.117]),
        ("3.2", (0.1173,)),
    ],
)
def test_right_in_another_way(exercise_id, answer):
    result = check(exercise_id, answer)
    assert result, result


def test_a_neighbour_of_the_right_number_is_not_right():
    assert not check("3.2", 0.118) and not check("3.2", 0.116)


def pair(x, weights):
    return weights @ x, weights


def without_diagonal(exps):
    return exps.fill_diagonal_(0.0)


def diagonal(x):
    return torch.eye(len(x), dtype=torch.bool)


def score_and_return(q, k):
    table = torch.zeros(len(q), len(k))
    for i in range(len(q)):
        for j in range(len(k)):
            table[i, j] = q[i] @ k[j]
            return table


def row_exps(scores):
    return (scores - scores.amax(-1, keepdim=True)).exp()


@pytest.mark.parametrize(
    "exercise_id, answer, mistake, words",
    [
        ("3.1", lambda q, k: q * k, "elementwise", "é `@`"),
        ("3.1", lambda q, k: (q * k).sum(-1), "elementwise-summed", "é `@`"),
        ("3.1", score_and_return, "early-return-inside", "primeira casa"),
        (
            "3.3",
            lambda s, f: row_exps(f * s) / row_exps(f * s).sum(-1),
            "no-keepdim",
            "`amax` ou no `sum`",
        ),
        (
            "3.3",
            lambda s, f: row_exps(f * s) / row_exps(f * s).sum(),
            "everything-by-rows",
            "tabela inteira",
        ),
        (
            "3.3",
            lambda s, f: row_exps(f * s) / row_exps(f * s).sum(0),
            "mixed-axes",
            "eixo 0",
        ),
        (
            "3.3",
            lambda s, f: (
                (e := (f * s - (f * s).amin(-1, True)).exp()) / e.sum(-1, True)
            ),
            "minimum",
            "mínimo",
        ),
        (
            "3.3",
            lambda s, f: (e := (f * s - (f * s).max()).exp()) / e.sum(-1, True),
            "table-maximum",
            "e⁻¹⁰⁴ já é 0",
        ),
        (
            "3.3",
            lambda s, f: (e := f * row_exps(s)) / e.sum(-1, True),
            "no-factor",
            "se cancela",
        ),
        (
            "3.5",
            lambda x: pair(
                x,
                (w := without_diagonal(torch.softmax(x @ x.T, -1))) / w.sum(-1, True),
            ),
            "renormalised",
            "0 ÷ 0",
        ),
        (
            "3.5",
            lambda x: pair(
                x, (e := without_diagonal(row_exps(x @ x.T))) / e.sum(-1, True)
            ),
            "renormalised",
            "0 ÷ 0",
        ),
        (
            "3.5",
            lambda x: pair(
                x, (e := without_diagonal((x @ x.T).exp())) / e.sum(-1, True)
            ),
            "overflow-zeroed",
            "estoura",
        ),
        (
            "3.5",
            lambda x: pair(
                x, (x @ x.T).masked_fill(diagonal(x), -torch.inf).softmax(0)
            ),
            "columns",
            "colunas",
        ),
        (
            "3.5",
            lambda x: pair(x, (x @ x.T + torch.eye(len(x)) * -torch.inf).softmax(-1)),
            "all-nan",
            "0 × ∞",
        ),
        (
            "3.5",
            lambda x: pair(
                x, (x @ x.T).masked_fill(diagonal(x), torch.inf).softmax(-1)
            ),
            "all-nan",
            "+∞",
        ),
    ],
)
def test_a_mistake_written_by_a_student_is_recognised(
    exercise_id, answer, mistake, words
):
    result = check(exercise_id, answer)
    assert result.mistake == mistake and words in repr(result)


@pytest.mark.parametrize("value", [-10, -20, -50, -100, -1000, -1e4, -1e5])
def test_a_finite_block_is_never_right(value):
    result = check(
        "3.5",
        lambda x: pair(x, (x @ x.T).masked_fill(diagonal(x), value).softmax(-1)),
    )
    assert result.mistake.startswith("finite-") and "número finito" in repr(result)


@pytest.mark.parametrize("value", [100, 1000, 1e4, 1e5])
def test_a_finite_subtraction_is_never_right(value):
    result = check(
        "3.5", lambda x: pair(x, (x @ x.T - value * torch.eye(len(x))).softmax(-1))
    )
    assert result.mistake.startswith("finite-") and "número finito" in repr(result)


def test_the_limit_said_of_the_exponential_is_the_one_of_float32():
    assert torch.tensor([-104.0, 89.0]).exp().tolist() == [0.0, torch.inf]
    assert torch.tensor(-103.0).exp() > 0
