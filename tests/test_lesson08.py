"""Exercícios do caderno 08: outras maneiras certas de responder."""

import inspect
import math
import re

import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from attention_lab import attention, causal_mask, check
from attention_lab.experiments import lesson08
from attention_lab.grammar import LANGUAGE_VOCABULARY
from tools import trained
from tools.notebooks import find


def norm_by_loop(x, gain, bias):
    rows = []
    for token in x.reshape(-1, x.shape[-1]):
        mean = sum(token) / len(token)
        variance = sum((number - mean) ** 2 for number in token) / len(token)
        spread = torch.sqrt(variance + 1e-5)
        rows.append(torch.stack([(n - mean) / spread for n in token]))
    return torch.stack(rows).reshape(x.shape) * gain + bias


def norm_by_hand(x, gain, bias):
    centred = x - x.mean(dim=-1, keepdim=True)
    variance = centred.pow(2).mean(-1, keepdim=True)
    return gain * centred / (variance + 1e-5) ** 0.5 + bias


def norm_by_the_mean_of_squares(x, gain, bias):
    mean = x.mean(-1, keepdim=True)
    variance = x.square().mean(-1, keepdim=True) - mean**2
    return (x - mean) * torch.rsqrt(variance + 1e-5) * gain + bias


def norm_in_double(x, gain, bias):
    x = x.double()
    spread = (torch.std(x, dim=-1, correction=0, keepdim=True) ** 2 + 1e-5).sqrt()
    return (x - x.mean(-1, keepdim=True)) / spread * gain + bias


def norm_over(spread):
    """A LayerNorm que divide pelo que `spread` fizer de cada token centrado."""

    def answer(x, gain, bias):
        centred = x - x.mean(-1, keepdim=True)
        return centred / spread(centred) * gain + bias

    return answer


def norm_on(dim):
    """A LayerNorm no eixo errado, e com n − 1."""

    def answer(x, gain, bias):
        centred = x - x.mean(dim, keepdim=True)
        return centred / (x.std(dim, keepdim=True) + 1e-5) * gain + bias

    return answer


def block_that_unpacks(x, norm_1, attend, norm_2, mlp):
    out, _ = attend(norm_1(x))
    x = x + out
    return x + mlp(norm_2(x))


def block_with_one_copy(x, norm_1, attend, norm_2, mlp):
    h = norm_1(x)
    x = x + attend(h)
    return x + mlp(h)


def block_normalised_again(x, norm_1, attend, norm_2, mlp):
    x = x + attend(norm_1(x))
    x = x + mlp(norm_2(x))
    return norm_2(x)


def block_with_second_norm_after(x, norm_1, attend, norm_2, mlp):
    x = x + attend(norm_1(x))
    return x + norm_2(mlp(x))


def generate_choosing(choose):
    def answer(predict, ids, n):
        for _ in range(n):
            ids = torch.cat([ids, choose(predict(ids))], dim=1)
        return ids

    return answer


def cached_returning(result, attend=lambda q, k, v: attention(q, k, v)[0]):
    """A conta do 8.5, com outra maneira de devolver ou de olhar."""

    def answer(q, k_new, v_new, k_past, v_past):
        k, v = torch.cat([k_past, k_new], 1), torch.cat([v_past, v_new], 1)
        return result(attend(q, k, v), k, v)

    return answer


def cached_by_adding(q, k_new, v_new, k_past, v_past):
    k, v = k_past + k_new, v_past + v_new
    return attention(q, k, v)[0], k, v


def cached_in_a_window(q, k_new, v_new, k_past, v_past):
    k = torch.cat([k_past[:, 1:], k_new], dim=1)
    v = torch.cat([v_past[:, 1:], v_new], dim=1)
    return attention(q, k, v)[0], k, v


def block_with_names(x, norm_1, attend, norm_2, mlp):
    after_attention = attend(norm_1(x)) + x
    correction = mlp(norm_2(after_attention))
    return torch.add(after_attention, correction)


def block_in_place(x, norm_1, attend, norm_2, mlp):
    stream = x.clone()
    stream += attend(norm_1(stream))
    stream += mlp(norm_2(stream))
    return stream


def generate_with_lists(predict, ids, n):
    sentences = []
    for row in ids.tolist():
        for _ in range(n):
            logits = predict(torch.tensor([row]))[0, -1]
            row.append(int(torch.softmax(logits, -1).argmax()))
        sentences.append(row)
    return sentences


def generate_by_recursion(predict, ids, n):
    if n == 0:
        return ids
    chosen = predict(ids)[:, -1].topk(1).indices
    return generate_by_recursion(predict, torch.hstack([ids, chosen]), n - 1)


def cached_with_sdpa(q, k_new, v_new, k_past, v_past):
    k, v = torch.cat([k_past, k_new], 1), torch.cat([v_past, v_new], 1)
    return [F.scaled_dot_product_attention(q, k, v), k, v]


def cached_with_aligned_mask(q, k_new, v_new, k_past, v_past):
    k, v = torch.cat([k_past, k_new], -2), torch.cat([v_past, v_new], -2)
    return attention(q, k, v, causal_mask(1, k.shape[-2]))[0], k, v


def cached_by_einsum(q, k_new, v_new, k_past, v_past):
    k, v = torch.hstack([k_past, k_new]), torch.hstack([v_past, v_new])
    scores = torch.einsum("bqd,bkd->bqk", q, k) / math.sqrt(k.shape[-1])
    return torch.einsum("bqk,bkd->bqd", scores.softmax(-1), v), k, v


@pytest.mark.parametrize(
    "exercise_id, answer",
    [
        ("8.1", norm_by_loop),
        ("8.1", norm_by_hand),
        ("8.1", norm_by_the_mean_of_squares),
        ("8.1", norm_in_double),
        ("8.2", 33088),
        ("8.2", np.int64(33088)),
        ("8.2", torch.tensor(33088.0)),
        ("8.3", block_with_names),
        ("8.3", block_in_place),
        ("8.4", generate_with_lists),
        ("8.4", generate_by_recursion),
        ("8.5", cached_with_sdpa),
        ("8.5", cached_with_aligned_mask),
        ("8.5", cached_by_einsum),
    ],
)
def test_right_in_another_way(exercise_id, answer):
    result = check(exercise_id, answer)
    assert result, result


VARIANCE = {"dim": -1, "keepdim": True, "unbiased": False}


@pytest.mark.parametrize(
    "exercise_id, answer, mistake",
    [
        ("8.1", norm_over(lambda x: x.var(**VARIANCE).sqrt()), "no-epsilon"),
        ("8.1", norm_over(lambda x: x.std(**VARIANCE)), "no-epsilon"),
        ("8.1", norm_over(lambda x: x.std(**VARIANCE) + 1e-5), "epsilon-outside"),
        ("8.1", norm_over(lambda x: x.std(-1, keepdim=True)), "unbiased-no-epsilon"),
        ("8.1", norm_over(lambda x: x.var(**VARIANCE)), "variance-no-epsilon"),
        (
            "8.1",
            norm_over(lambda x: x.norm(dim=-1, keepdim=True)),
            "unit-length-no-epsilon",
        ),
        ("8.1", norm_on(0), "over-batch-unbiased"),
        ("8.1", norm_on(1), "counted-from-the-left-unbiased"),
        ("8.1", norm_on(-2), "over-tokens-unbiased"),
        ("8.1", norm_on((-2, -1)), "whole-sentence-unbiased"),
        ("8.2", 18672, "width-of-section-6"),
        ("8.2", 33.088, "thousands-point"),
        ("8.3", block_that_unpacks, "attend-unpacked"),
        ("8.3", block_with_one_copy, "one-copy-for-both"),
        ("8.3", block_normalised_again, "normalised-at-the-end"),
        ("8.3", block_with_second_norm_after, "norm-of-the-second-correction"),
        (
            "8.4",
            generate_choosing(lambda logits: logits[:, -1].amax(-1, keepdim=True)),
            "logit-as-token",
        ),
        (
            "8.4",
            generate_choosing(lambda logits: logits[:, :, -1].argmax(-1, True)),
            "last-word",
        ),
        ("8.5", cached_by_adding, "added-to-the-past"),
        ("8.5", cached_in_a_window, "window"),
        (
            "8.5",
            cached_returning(
                lambda output, k, v: (output, k, v),
                lambda q, k, v: attention(q, k, v, scale=k.shape[1] ** -0.5)[0],
            ),
            "scale-of-the-length",
        ),
        (
            "8.5",
            cached_returning(lambda pair, k, v: (pair, k, v), attention),
            "the-pair",
        ),
        (
            "8.5",
            cached_returning(lambda output, k, v: (output, ..., v)),
            "half",
        ),
    ],
)
def test_mistakes_written_by_students(exercise_id, answer, mistake):
    assert check(exercise_id, answer).mistake == mistake


@pytest.mark.parametrize(
    "exercise_id, answer, words",
    [
        ("8.1", norm_over(lambda x: x.std(**VARIANCE)), "veio NaN"),
        ("8.1", norm_over(lambda x: x.std(-1, keepdim=True)), "média 0,000"),
        ("8.2", "33088", "tire as aspas e escreva só os algarismos"),
        (
            "8.3",
            lambda x, norm_1, attend, norm_2, mlp: x + 1,
            "`norm_1`, `attend`, `norm_2`, `mlp`: funções",
        ),
        (
            "8.4",
            generate_choosing(lambda logits: logits[:, -1].max(-1, keepdim=True)),
            "para a posição, `.indices` ou `argmax`",
        ),
        (
            "8.4",
            generate_choosing(lambda logits: logits[:, -1].argmax(-1)),
            "falta `keepdim=True`",
        ),
        ("8.4", lambda predict, ids, n: ids, "`predict`: função"),
        (
            "8.4",
            generate_choosing(lambda logits: 0 * logits[:, -1:, 0].long()),
            "esperado 6, veio 0;",
        ),
        (
            "8.5",
            cached_returning(lambda output, k, v: (output, (k, v))),
            "sem parênteses em volta dos dois últimos",
        ),
        (
            "8.5",
            cached_returning(lambda output, k, v: (output, [k, v])),
            "sem parênteses em volta dos dois últimos",
        ),
        (
            "8.5",
            cached_returning(lambda output, k, v: (output, k, None)),
            "é do tipo NoneType",
        ),
        (
            "8.5",
            cached_returning(lambda output, k, v: (output, "k", "v")),
            "é do tipo str",
        ),
    ],
)
def test_what_the_message_says(exercise_id, answer, words):
    assert words in repr(check(exercise_id, answer))


def test_the_notebook_trains_as_the_tests_do():
    """O laço à vista no caderno 08 é o de ``teach_language``, com os mesmos números."""
    (path,) = find(["08"])
    cells = nbformat.read(path, as_version=4).cells
    (cell,) = [c.source for c in cells if "lesson08.random_sentences(" in c.source]
    defaults = inspect.signature(lesson08.teach_language).parameters
    for name in ("steps", "lr", "batch_size"):
        (written,) = re.findall(rf"\b{name}=([\d.e-]+)", cell)
        assert float(written) == defaults[name].default, name
    (cell,) = [c.source for c in cells if "lesson08.teach_language(small" in c.source]
    small = inspect.getsource(trained.small_gpt)
    for pattern in (r"steps=\d+", r"batch_size=\d+", r"d_model=\d+"):
        assert re.findall(pattern, cell) == re.findall(pattern, small)


def test_the_model_comes_back_from_the_gpu_even_after_an_error(monkeypatch):
    model, seen = lesson08.new_language_model(seed=0, n_layers=1), []
    move = model.to
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(model, "to", lambda device: seen.append(str(device)))
    with pytest.raises(KeyError), lesson08.on_the_gpu(model):
        raise KeyError
    assert seen == ["cuda", "cpu"]
    monkeypatch.setattr(model, "to", move)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with lesson08.on_the_gpu(model):
        assert model.tokens.weight.device.type == "cpu"


@pytest.mark.parametrize(
    "start, message",
    [
        ("", "não tem palavra nenhuma"),
        ("o gatoz", "'gatoz' não está no vocabulário"),
        ("o gato " * 30, "context_length=40"),
    ],
)
def test_a_start_that_does_not_serve_spoils_no_other_cell(start, message, capsys):
    """A previsão, o mapa e o explorador da seção 8, com um começo mal digitado."""
    (path,) = find(["08"])
    cells = nbformat.read(path, as_version=4).cells
    cells = [
        c.source for c in cells if c.cell_type == "code" and "start_ids" in c.source
    ]
    names = {
        "model": lesson08.new_language_model(seed=0, n_layers=1),
        "torch": torch,
        "LANGUAGE_VOCABULARY": LANGUAGE_VOCABULARY,
    }
    cells[0] = re.sub(r'start = "[^"]+"', f"start = {start!r}", cells[0])
    for source in cells:
        exec(source, names)
    printed = capsys.readouterr().out
    assert message in printed and "Conserte o começo" in printed
    assert len(cells) == 3 and "tokens" not in names
