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
from tools import trained
from tools.notebooks import find


def norm_by_loop(x, gain, bias):
    rows = []
    for token in x.reshape(-1, x.shape[-1]):
        mean = sum(token) / len(token)
        variance = sum((number - mean) ** 2 for number in token) / len(token)
        rows.append(torch.stack([(n - mean) / torch.sqrt(variance) for n in token]))
    return torch.stack(rows).reshape(x.shape) * gain + bias


def norm_without_epsilon(x, gain, bias):
    centred = x - x.mean(dim=-1, keepdim=True)
    return gain * centred / centred.pow(2).mean(-1, keepdim=True) ** 0.5 + bias


def norm_in_double(x, gain, bias):
    x = x.double()
    spread = torch.std(x, dim=-1, correction=0, keepdim=True)
    return (x - x.mean(-1, keepdim=True)) / (spread + 1e-5) * gain + bias


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
        ("8.1", norm_without_epsilon),
        ("8.1", norm_in_double),
        ("8.2", 18672),
        ("8.2", np.int64(18672)),
        ("8.2", torch.tensor(18672.0)),
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
