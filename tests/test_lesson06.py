"""Exercícios do caderno 06: outras maneiras certas de responder."""

import math

import numpy as np
import pytest
import torch

from attention_lab import attention, causal_mask, check, padding_mask
from attention_lab.exercises import case


def window_by_loop(T, window):
    mask = torch.zeros(T, T, dtype=torch.bool)
    for i in range(T):
        mask[i, max(0, i - window + 1) : i + 1] = True
    return mask


def window_by_triangles(T, window):
    return causal_mask(T) & ~torch.ones(T, T, dtype=torch.bool).tril(-window)


def window_by_numpy(T, window):
    return np.tri(T, dtype=bool) & ~np.tri(T, k=-window, dtype=bool)


def batch_by_loop(lengths, T):
    mask = torch.zeros(len(lengths), 1, T, T, dtype=torch.bool)
    for b, n in enumerate(lengths):
        for i in range(T):
            mask[b, 0, i, : min(i + 1, int(n))] = True
    return mask


def batch_by_numpy(lengths, T):
    real = np.arange(T) < np.asarray(lengths)[:, None]
    return np.tri(T, dtype=bool) & real[:, None, None, :]


def layer_with_numbers(layer, x, lengths):
    """Máscaras de 0 e −∞, que se somam aos escores."""
    T = x.shape[1]
    blocked = torch.zeros(T, T).masked_fill(~causal_mask(T), -torch.inf)
    real = padding_mask(lengths, T)[:, 0, 0]
    padding = torch.zeros(real.shape).masked_fill(~real, -torch.inf)
    return layer(x, x, x, attn_mask=blocked, key_padding_mask=padding)


def layer_with_triu(layer, x, lengths):
    T = x.shape[1]
    blocked = torch.ones(T, T, dtype=torch.bool).triu(1)
    padding = torch.arange(T) >= torch.as_tensor(lengths)[:, None]
    return list(layer(x, x, x, key_padding_mask=padding, attn_mask=blocked))


def layer_one_by_one(layer, x, lengths):
    """Uma máscara por frase e por cabeça, com as duas juntas."""
    mask = ~(causal_mask(x.shape[1]) & padding_mask(lengths, x.shape[1]))[:, 0]
    return layer(x, x, x, attn_mask=mask.repeat_interleave(layer.num_heads, 0))


def table_by_loop(f, x):
    T = len(x)
    table = torch.zeros(T, T, dtype=torch.bool)
    for i in range(T):
        for j in range(T):
            other = x.clone()
            other[j] = -3 * x[j] + 2
            table[i, j] = not torch.equal(f(other)[i], f(x)[i])
    return table


def table_by_gradient(f, x):
    jacobian = torch.autograd.functional.jacobian(f, x)  # (T, d, T, d)
    return (jacobian != 0).any(-1).any(1)


def table_by_numpy(f, x):
    rows = []
    for j in range(len(x)):
        other = x.clone()
        other[j] = 5.0
        rows.append(~np.isclose(f(other).numpy(), f(x).numpy()).all(-1))
    return np.stack(rows, axis=1)


@pytest.mark.parametrize(
    "exercise_id, answer",
    [
        ("6.1", 0.665),
        ("6.1", [np.float64(0.6653)]),
        ("6.1", torch.tensor([1.0, 3.0, 2.0]).softmax(-1)[1]),
        ("6.1", 1 / (1 + math.exp(-2) + math.exp(-1))),
        ("6.2", window_by_loop),
        ("6.2", window_by_triangles),
        ("6.2", window_by_numpy),
        ("6.2", lambda T, w: (torch.arange(T)[:, None] - torch.arange(T)) // w == 0),
        ("6.3", batch_by_loop),
        ("6.3", batch_by_numpy),
        ("6.3", lambda n, T: padding_mask(n, T) * causal_mask(T)),
        ("6.4", layer_with_numbers),
        ("6.4", layer_with_triu),
        ("6.4", layer_one_by_one),
        ("6.5", table_by_loop),
        ("6.5", table_by_gradient),
        ("6.5", table_by_numpy),
        ("6.2", lambda T, w: window_by_loop(T, w).tolist()),
        ("6.3", lambda n, T: batch_by_loop(n, T).tolist()),
        ("6.5", lambda f, x: table_by_loop(f, x).tolist()),
        ("6.5", lambda f, x: table_by_loop(f, x.double())),
    ],
)
def test_right_in_another_way(exercise_id, answer):
    result = check(exercise_id, answer)
    assert result, result


def steps_back(T):
    return torch.arange(T)[:, None] - torch.arange(T)


def window_without_max(T, window):
    rows = [torch.arange(T)[i - window + 1 : i + 1] for i in range(T)]
    return torch.stack([torch.isin(torch.arange(T), row) for row in rows])


def table_without_axis(f, x):
    table = torch.zeros(len(x), len(x), dtype=torch.bool)
    for j in range(len(x)):
        other = x.clone()
        other[j] = 0.0
        table[:, j] = (f(other) != f(x)).any()
    return table


def table_without_any(f, x):
    table = torch.zeros(len(x), len(x), dtype=torch.bool)
    for j in range(len(x)):
        other = x.clone()
        other[j] = 0.0
        table[:, j] = f(other) != f(x)
    return table


def moving(row, where=slice(None)):
    """A prova com outra comparação, ou mexendo só em algumas coordenadas."""

    def table(f, x):
        columns = torch.zeros(len(x), len(x), dtype=torch.bool)
        for j in range(len(x)):
            other = x.clone()
            other[j, where] += 1
            columns[:, j] = row(f(other), f(x))
        return columns

    return table


def moving_only_itself(f, x):
    moved = moving(lambda after, before: (after != before).any())(f, x)
    return moved & torch.eye(len(x), dtype=torch.bool)


def moving_once(f, x):
    moved = moving(lambda after, before: (after != before).any(-1))(f, x)
    moved[:, 1:] = False  # o `return` dentro do laço
    return moved


def with_causal(change):
    """A camada do 6.4 com outra maneira de inverter a máscara causal."""

    def layer_with(layer, x, lengths):
        blocked = change(causal_mask(x.shape[1]))
        return layer(x, x, x, attn_mask=blocked)

    return layer_with


def additive(mask):
    return torch.zeros(mask.shape).masked_fill(~mask, -torch.inf)


# a tabela da seção 3
SCORES = torch.tensor([[1.0, 0, 2, 1], [0, 1, 0, 3], [1, 3, 2, 4], [0, 1, 1, 1]])


@pytest.mark.parametrize(
    "exercise_id, answer, mistake, words",
    [
        (
            "6.1",
            SCORES.masked_fill(~causal_mask(4), -torch.inf).softmax(0)[2, 1],
            "softmax-by-column",
            "pelas colunas",
        ),
        ("6.1", SCORES.softmax(0)[2, 1], "softmax-by-column-unmasked", "sem a máscara"),
        ("6.1", 0.66, "few-digits", "faltam casas"),
        ("6.1", 0.5065, "scaled-again", "outra vez"),
        (
            "6.2",
            lambda T, w: causal_mask(T) & (torch.arange(T) < w),
            "first-keys",
            "a linha 5 vê as chaves [0, 1, 2]; deveria ver [3, 4, 5]",
        ),
        (
            "6.2",
            lambda T, w: window_by_loop(T, w - 1),
            "short-window",
            "um token a menos",
        ),
        (
            "6.2",
            lambda T, w: window_by_loop(T, w) & (steps_back(T) != 1),
            "",
            "esperado True, veio False; batem 31 de 36 células",
        ),
        ("6.3", lambda n, T: n[:, None], "raised", "torch.as_tensor(lengths)"),
        ("6.3", lambda n, T: n.max(), "raised", "torch.as_tensor(lengths)"),
        (
            "6.3",
            lambda n, T: torch.arange(T) < n,
            "raised",
            "torch.as_tensor(lengths)",
        ),
        ("6.3", lambda n, T: additive(batch_by_loop(n, T)), "additive", "0 e −∞"),
        (
            "6.3",
            lambda n, T: [causal_mask(int(size)) for size in n],
            "type",
            "formas diferentes",
        ),
        ("6.4", with_causal(lambda mask: 1 - mask), "raised", "máscara booleana, use"),
        ("6.4", with_causal(lambda mask: -mask), "raised", "máscara booleana, use"),
        ("6.4", with_causal(lambda mask: -mask), "raised", "nn.MultiheadAttention(6"),
        ("6.4", with_causal(lambda mask: not mask), "raised", "`not` (use `~`)"),
        ("6.5", moving(lambda a, b: (a != b).all(-1)), "all-in-the-row", "`.all`"),
        (
            "6.5",
            moving(lambda a, b: a[:, 0] != b[:, 0]),
            "one-coordinate",
            "só a coluna",
        ),
        (
            "6.5",
            moving(lambda a, b: (a != b).any(-1), where=0),
            "one-coordinate",
            "vetor inteiro",
        ),
        ("6.5", moving(lambda a, b: a[:, -1] != b[:, -1]), "", "esperado True"),
        ("6.5", moving(lambda a, b: (a != b).any(-1), where=-1), "", "esperado True"),
        ("6.5", moving(lambda a, b: (a - b).amax(-1) > 0), "without-abs", "`.abs()`"),
        ("6.5", moving(lambda a, b: (a != b).any(0)), "raised", "qual eixo a conta"),
        ("6.5", moving(lambda a, b: (a != b).any(0)), "raised", "com máscara causal"),
        ("6.5", lambda f, x: table_by_loop(f, x).int(), "not-bool", "a tabela deve"),
        ("6.5", moving_only_itself, "input-against-input", "só em `[j, j]`"),
        (
            "6.5",
            lambda f, x: torch.ones(len(x), len(x)).bool(),
            "any-of-all",
            "não vem da comparação",
        ),
        ("6.5", moving_once, "return-in-the-loop", "`return` dentro"),
        ("6.2", lambda T, w: window_by_loop(T, w).float(), "not-bool", "booleana"),
        ("6.3", lambda n, T: batch_by_loop(n, T).int(), "not-bool", "booleana"),
        ("6.3", lambda n, T: causal_mask(T) + padding_mask(n, T), "or", "3 células"),
        ("6.2", lambda T, w: window_by_loop(T, w + 1), "one-too-many", "[1, 2, 3, 4"),
        ("6.1", 66.5, "percent", "porcentagem"),
        ("6.1", [0.09, 0.665, 0.245], "visible-row", "só com o de `gato`"),
        ("6.1", 0.063, "column", "por coluna"),
        ("6.2", lambda T, w: 0 <= steps_back(T) < w, "joined-by-and", "parênteses"),
        ("6.2", window_without_max, "negative-start", "veem [0, 0, 3, 3, 3, 3]"),
        ("6.4", lambda layer, x, n: layer(x, x, x), "no-masks", "no padding"),
        ("6.5", table_without_axis, "any-of-all", "`.any(-1)`"),
        ("6.5", table_without_any, "assigned-without-any", "`.any(-1)`"),
        ("6.5", lambda f, x: f(x), "", "mas veio (5, 3)"),
    ],
)
def test_wrong_answers_get_a_message(exercise_id, answer, mistake, words):
    result = check(exercise_id, answer)
    assert not result and result.mistake == mistake
    assert words in repr(result)


def test_the_untouched_layer_really_looks_the_wrong_way():
    layer, x, lengths = case("6.4")
    T = x.shape[1]
    real = padding_mask(lengths, T)[:, 0, 0]
    _, weights = layer(x, x, x, attn_mask=causal_mask(T), key_padding_mask=real)
    assert (weights[0].nan_to_num().tril() == 0).all()  # nada do que devia


def test_the_layers_under_proof_differ():
    """Só uma das três vaza, e só uma não alcança o começo da frase."""
    tables = [table_by_gradient(*case("6.5", n)) for n in (1, 2, 3)]
    leaks = [bool(table.triu(1).any()) for table in tables]
    blind = [bool((~table).tril().any()) for table in tables]
    assert leaks == [False, True, False]
    assert blind == [False, False, True]


def test_case_layers_are_plain_attention():
    f, x = case("6.5", 1)
    torch.testing.assert_close(f(x), attention(x, x, x, causal_mask(len(x)))[0])
