"""Exercícios do caderno 01: outras maneiras certas de responder."""

import numpy as np
import pytest
import torch

from attention_lab import check
from attention_lab.exercises import lesson01


def table_by_dictionary(ids, n_words):
    pairs = list(zip(ids.tolist(), ids.tolist()[1:]))
    table = [[0.0] * n_words for _ in range(n_words)]
    for now, following in pairs:
        row = sum(first == now for first, _ in pairs)
        table[now][following] += 1 / row
    return table


def table_by_index_put(ids, n_words):
    counts = torch.zeros(n_words, n_words, dtype=torch.float64)
    one = torch.ones(len(ids) - 1, dtype=torch.float64)
    counts.index_put_((ids[:-1], ids[1:]), one, accumulate=True)
    return counts / counts.sum(1, keepdim=True).clamp(min=1)


def table_by_numpy(ids, n_words):
    counts = np.zeros((n_words, n_words))
    np.add.at(counts, (ids.numpy()[:-1], ids.numpy()[1:]), 1)
    totals = counts.sum(1, keepdims=True)
    return np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)


def table_with_nan_replaced(ids, n_words):
    one_hot = torch.nn.functional.one_hot(ids, n_words).float()
    counts = one_hot[:-1].T @ one_hot[1:]
    return (counts / counts.sum(-1, keepdim=True)).nan_to_num(0.0)


def read_by_halves(x, W):
    """As linhas da palavra e as do estado, separadas."""
    d = x.shape[1]
    h = x.new_zeros(W.shape[1])
    for t in range(len(x)):
        h = (x[t] @ W[:d] + h @ W[d:]).tanh()
    return h


def read_as_pytorch(x, W):
    d, d_h = x.shape[1], W.shape[1]
    h = torch.zeros(1, d_h)
    for word in x:
        h = torch.tanh(
            torch.nn.functional.linear(word[None], W[:d].T)
            + torch.nn.functional.linear(h, W[d:].T)
        )
    return h[0]


def read_recursively(x, W):
    if len(x) == 0:
        return torch.zeros(W.shape[1])
    return torch.tanh(torch.cat([x[-1], read_recursively(x[:-1], W)]) @ W)


def plural_by_loop(words):
    for i, word in enumerate(words):
        if word == "■":
            return words[i - 1].endswith("s")


def plural_by_text(words):
    text = " ".join(words)
    return 1.0 if "os ■" in text or "as ■" in text else 0.0


def plural_with_both_clues(words):
    clue = words[words.index("■") - 1] in {"os", "as"}
    return torch.tensor(int(clue or "estavam" in words))


@pytest.mark.parametrize(
    "exercise_id, answer",
    [
        ("1.1", 5.0),
        ("1.1", np.int64(5)),
        ("1.1", torch.tensor(5)),
        ("1.2", [10]),
        ("1.2", 10.0),
        ("1.3", table_by_dictionary),
        ("1.3", table_by_index_put),
        ("1.3", table_by_numpy),
        ("1.3", table_with_nan_replaced),
        ("1.4", read_by_halves),
        ("1.4", read_as_pytorch),
        ("1.4", read_recursively),
        ("1.5", plural_by_loop),
        ("1.5", plural_by_text),
        ("1.5", plural_with_both_clues),
    ],
)
def test_right_in_another_way(exercise_id, answer):
    result = check(exercise_id, answer)
    assert result, result


def test_the_clue_is_the_number_of_the_subject():
    """A pista dá a resposta anotada, e as duas respostas são igualmente comuns."""
    answers = [number for _, number in lesson01.SENTENCES]
    clues = [lesson01.is_plural(s.split()) for s, _ in lesson01.SENTENCES]
    assert clues == answers and 2 * sum(answers) == len(answers)
    for sentence, number in lesson01.SENTENCES:
        words = sentence.split()
        assert words.count("■") == 1
        if "que" in words:
            assert ("estavam" in words) == number


def test_the_decay_of_exercise_2():
    assert 0.5**10 < 1e-3 < 0.5**9
    assert 0.9**66 < 1e-3 < 0.9**65
