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


def others_by_renormalising(x):
    """Zera a diagonal depois da exponencial e divide de novo pela soma."""
    scores = x @ x.T - 1e9 * torch.eye(len(x))
    exps = (scores - scores.amax(-1, keepdim=True)).exp() * (1 - torch.eye(len(x)))
    return exps @ x / exps.sum(-1, keepdim=True), exps / exps.sum(-1, keepdim=True)


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
        ("3.5", others_by_renormalising),
        ("3.2", [0.117]),
        ("3.2", (0.118,)),
    ],
)
def test_right_in_another_way(exercise_id, answer):
    result = check(exercise_id, answer)
    assert result, result
