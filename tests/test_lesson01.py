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


def read_by_numpy(x, W):
    """O enunciado não pede gradiente: a conta em numpy vale."""
    x, W = x.numpy(), W.numpy()
    h = np.zeros(W.shape[1])
    for word in x:
        h = np.tanh(np.concatenate([word, h]) @ W)
    return h


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
        ("1.4", read_by_numpy),
        ("1.5", plural_by_loop),
        ("1.5", plural_by_text),
        ("1.5", plural_with_both_clues),
    ],
)
def test_right_in_another_way(exercise_id, answer):
    result = check(exercise_id, answer)
    assert result, result


# --- os enganos, escritos como quem estuda os escreve ---------------------------------


def returns_in_the_loop(ids, n_words):
    counts = torch.zeros(n_words, n_words)
    for now, following in zip(ids[:-1].tolist(), ids[1:].tolist()):
        counts[now, following] += 1
        return counts / counts.sum(-1, keepdim=True).clamp(min=1)


def stops_early(ids, n_words):
    counts = torch.zeros(n_words, n_words)
    for i in range(len(ids) - 2):
        counts[ids[i], ids[i + 1]] += 1
    return counts / counts.sum(-1, keepdim=True).clamp(min=1)


def one_row_for_all(ids, n_words):
    counts = [[0] * n_words] * n_words
    for i in range(len(ids) - 1):
        counts[ids[i]][ids[i + 1]] += 1
    return counts


def one_row_for_all_divided(ids, n_words):
    counts = torch.tensor(one_row_for_all(ids, n_words))
    return counts / counts.sum(-1, keepdim=True).clamp(min=1)


def in_percent(ids, n_words):
    return 100 * table_with_nan_replaced(ids, n_words)


def squeezes_at_the_end(x, W):
    h = torch.zeros(W.shape[1])
    for word in x:
        h = torch.cat([word, h]) @ W
    return torch.tanh(h)


def starts_in_ones(x, W):
    h = torch.ones(W.shape[1])
    for word in x:
        h = torch.tanh(torch.cat([word, h]) @ W)
    return h


def reads_the_first_twice(x, W):
    h = torch.tanh(torch.cat([x[0], torch.zeros(W.shape[1])]) @ W)
    for word in x:
        h = torch.tanh(torch.cat([word, h]) @ W)
    return h


def not_estava(words):
    return 0 if "estava" in words else 1


def as_only(words):
    return 1 if words[words.index("■") - 1] == "as" else 0


def or_returned(words):
    art = words[words.index("■") - 1]
    return art == "os" or "as"


def or_in_an_if(words):
    art = words[words.index("■") - 1]
    if art == "os" or "as":  # noqa: SIM222
        return 1
    return 0


@pytest.mark.parametrize(
    "exercise_id, answer, mistake, words",
    [
        ("1.1", "telhado no estava que gato".split(), "the-words-backwards", "quantas"),
        ("1.1", ("gato", "que", "estava", "no", "telhado"), "the-words", "quantas"),
        ("1.2", 0.5**10, "value-not-count", "número inteiro"),
        ("1.2", 0.00098, "value-not-count", "número inteiro"),
        ("1.2", 0.001, "value-not-count", "número inteiro"),
        ("1.2", 12, "far-past", "0,00024"),
        ("1.3", returns_in_the_loop, "return-in-the-loop", "`return`"),
        ("1.3", stops_early, "last-pair-left-out", "T − 1"),
        ("1.3", one_row_for_all, "shared-rows-raw", "`[[0] * n] * n`"),
        ("1.3", one_row_for_all_divided, "shared-rows", "`[[0] * n] * n`"),
        ("1.3", in_percent, "percent", "entre 0 e 1"),
        ("1.4", lambda x, W: read_by_halves(x[:-1], W), "skips-last", "`x[:-1]`"),
        ("1.4", squeezes_at_the_end, "tanh-at-the-end", "cada passo"),
        ("1.4", starts_in_ones, "starts-in-ones", "`torch.zeros`"),
        ("1.4", reads_the_first_twice, "first-twice", "duas vezes"),
        ("1.5", not_estava, "not-estava", "encosta no sujeito"),
        ("1.5", as_only, "only-feminine", "`o`"),
        ("1.5", or_returned, "or-word", "Confira o `or`"),
        ("1.5", or_in_an_if, "always-plural", "`or`"),
    ],
)
def test_common_mistakes_are_recognised(exercise_id, answer, mistake, words):
    result = check(exercise_id, answer)
    assert not result and result.mistake == mistake
    assert words in repr(result)


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
