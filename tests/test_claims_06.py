"""Aula 6: sem a máscara causal, a perda engana e a geração falha."""

from functools import cache

import pytest
import torch

from attention_lab.experiments import lesson06
from attention_lab.grammar import LANGUAGE_VOCABULARY, language_entropy
from tools import trained

SEEDS = [0, 1, 2]


@cache
def model(causal, seed, steps=lesson06.STEPS):
    if steps == lesson06.STEPS:
        return trained.language_model(causal, seed)
    return lesson06.train_language_model(causal=causal, seed=seed, steps=steps)


@cache
def rate(causal, seed):
    sentences = lesson06.sample_sentences(model(causal, seed), seed=seed)
    return lesson06.grammatical_rate(sentences)


@cache
def held_out():
    return lesson06.held_out()


def sentence():
    return LANGUAGE_VOCABULARY.encode("<s> o gato que as lobas viram miou .")


def above_the_diagonal(leak):
    return leak[torch.ones_like(leak).triu(1).bool()]


@pytest.mark.parametrize("steps", [0, 20])
def test_leak_matrix_is_exactly_zero_with_the_mask(steps):
    causal = model(True, 0, steps) if steps else lesson06.new_model()
    leak = lesson06.leak_matrix(causal, sentence())
    assert (above_the_diagonal(leak) == 0).all()
    assert (leak[torch.ones_like(leak).tril().bool()] > 0).all()  # o passado chega


def test_leak_without_the_mask():
    leak = lesson06.leak_matrix(lesson06.new_model(causal=False), sentence())
    assert (above_the_diagonal(leak) > 0).all()


def test_prefix_loss_is_the_loss_when_the_mask_is_there():
    batch = held_out()[:40]
    causal = model(True, 0, 20)
    whole = lesson06.teacher_forced_loss(causal, batch)
    assert lesson06.prefix_loss(causal, batch) == pytest.approx(whole, abs=1e-5)


def test_the_exact_loss_is_close_to_the_entropy():
    assert lesson06.exact_loss(held_out()) == pytest.approx(
        language_entropy().per_token, abs=0.05
    )


def test_training_is_reproducible():
    first = lesson06.train_language_model(seed=3, steps=5).state_dict()
    again = lesson06.train_language_model(seed=3, steps=5).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)


@pytest.mark.claims
@pytest.mark.parametrize("seed", SEEDS)
def test_without_the_mask_the_loss_is_impossibly_low(seed):
    floor = lesson06.exact_loss(held_out())
    cheat, honest = model(False, seed), model(True, seed)
    assert lesson06.teacher_forced_loss(cheat, held_out()) < floor / 10
    assert floor < lesson06.teacher_forced_loss(honest, held_out()) < floor + 0.15
    assert lesson06.prefix_loss(cheat, held_out()) > floor + 2


@pytest.mark.claims
@pytest.mark.parametrize("seed", SEEDS)
def test_without_the_mask_generation_fails_the_recogniser(seed):
    assert rate(False, seed) < 0.05
    assert rate(True, seed) > 0.5


@pytest.mark.claims
@pytest.mark.parametrize("seed", SEEDS)
def test_the_trained_models_leak_or_do_not(seed):
    honest = lesson06.leak_matrix(model(True, seed), sentence())
    cheat = lesson06.leak_matrix(model(False, seed), sentence())
    assert (above_the_diagonal(honest) == 0).all()
    assert above_the_diagonal(cheat).max() > 1


def test_with_the_mask_no_weight_goes_to_the_next_token():
    model = lesson06.new_model()
    assert (lesson06.next_token_weight(model, held_out()[:5]) == 0).all()


def test_the_next_token_weight_is_the_mean_over_real_tokens():
    batch = lesson06.held_out(7)
    cheat = model(False, 0, 20)
    weights = cheat.attention_weights(batch.ids)[0]  # (B, H, T, T)
    seen = [
        weights[b, :, t, t + 1]
        for b, n in enumerate(batch.lengths.tolist())
        for t in range(n - 1)
    ]
    expected = torch.stack(seen).mean(0)
    torch.testing.assert_close(lesson06.next_token_weight(cheat, batch), expected)


@pytest.mark.claims
@pytest.mark.parametrize("seed", SEEDS)
def test_without_the_mask_each_head_looks_at_the_answer(seed):
    assert (lesson06.next_token_weight(model(False, seed), held_out()) > 0.5).all()
