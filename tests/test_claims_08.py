"""Aula 8: o GPT chega perto do piso, o que cada peça vale, e a indução."""

import math
from functools import cache

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from attention_lab.attention import attention, causal_mask
from attention_lab.experiments import lesson08
from attention_lab.experiments.lesson06 import (
    exact_loss,
    grammatical_rate,
    teacher_forced_loss,
)
from attention_lab.grammar import (
    LANGUAGE_VOCABULARY,
    induction,
    language,
    language_entropy,
)
from attention_lab.layers import GPT, GPTConfig
from tools import trained
from tools.trained import copier, gpt, small_gpt

SEEDS = [0, 1, 2]
claims = pytest.mark.claims


@cache
def sentences():
    return trained.sentences(), lesson08.held_out_sentences()


@cache
def few():
    """Poucas frases, para os testes rápidos."""
    return language(300, seed=2)


def excess(model, batch=None):
    """Nats por token acima da perda exata, nas frases de teste."""
    batch = sentences()[1] if batch is None else batch
    return teacher_forced_loss(model, batch) - exact_loss(batch)


@cache
def small_excess(seed, *parts, n_layers=2):
    return excess(small_gpt(seed, *parts, n_layers=n_layers))


def trained_without(part, seed, n_layers):
    """O GPT da seção 7 sem uma peça, com os mesmos 500 passos (uns 5 s)."""
    model = lesson08.new_language_model(seed=seed, parts=(part,), n_layers=n_layers)
    lesson08.teach_language(model, sentences()[0], seed=seed)
    return model


# --- rápidos, sempre ------------------------------------------------------------------


def test_the_floor_is_close_to_the_entropy():
    fresh = lesson08.held_out_sentences()
    assert exact_loss(fresh) == pytest.approx(language_entropy().per_token, abs=0.02)


def test_the_sentences_that_measure_are_not_those_that_train(monkeypatch):
    monkeypatch.setattr(lesson08, "N_TRAIN", 50)
    monkeypatch.setattr(lesson08, "N_TEST", 50)
    training, fresh = lesson08.training_sentences(), lesson08.held_out_sentences()
    assert not torch.equal(training.ids[:, :5], fresh.ids[:, :5])


def test_random_sentences_come_from_their_own_seed():
    """E vão até o fim da frase mais longa do batch, não da mais longa de todas."""
    data, state = few(), torch.get_rng_state()
    ids, targets = lesson08.random_sentences(data, seed=7, batch_size=8)(0)
    assert torch.equal(torch.get_rng_state(), state)
    rows = torch.randint(300, (8,), generator=torch.Generator().manual_seed(7))
    T = int(data.lengths[rows].max())
    assert torch.equal(ids, data.ids[rows, :T])
    assert torch.equal(targets, data.targets[rows, :T])
    assert data.ids.shape[1] > T


def test_new_language_model():
    model = lesson08.new_language_model(seed=0, parts=("mlp",))
    assert model.tokens.weight.std().item() == pytest.approx(0.1, rel=0.05)
    assert not list(model.blocks[0].mlp.parameters())


def test_learns_something_in_30_steps():
    model = lesson08.new_language_model(seed=0, d_model=32)
    assert excess(model, few()) > 2
    data = language(1000, seed=1)
    lesson08.teach_language(model, data, seed=0, steps=30, batch_size=32)
    assert 0 < excess(model, few()) < 1.5


def test_training_is_reproducible():
    """A mesma semente: os mesmos números, até o último dígito."""
    losses = []
    for _ in range(2):
        model = lesson08.new_language_model(seed=3, d_model=32)
        history = lesson08.teach_language(model, few(), seed=3, steps=8)
        losses.append(history.losses)
    assert losses[0] == losses[1]
    assert losses[0][-1] < losses[0][0]


def test_both_trainings_clip_the_gradient_and_copying_keeps_its_rate(monkeypatch):
    asked = []
    spy = lambda *args, **options: asked.append(options)  # noqa: E731
    monkeypatch.setattr(lesson08, "train", spy)
    lesson08.teach_language(lesson08.new_language_model(seed=0), few(), seed=0)
    lesson08.teach_to_copy(lesson08.new_copier(1, seed=0), seed=0)
    assert [options["clip"] for options in asked] == [1.0, 1.0]
    assert asked[1]["floor"] == 1.0


def test_the_model_keeps_its_attention_when_training_fails():
    model = lesson08.new_language_model(seed=0, d_model=32)
    lesson08.use_attention(model, mine := lambda *args: attention(*args))
    with pytest.raises(FloatingPointError):
        lesson08.teach_language(model, few(), seed=0, lr=1e30)
    assert all(block.attention.attend is mine for block in model.blocks)


@torch.no_grad()
def test_cache_gives_the_logits_of_the_full_forward():
    torch.manual_seed(0)
    model = GPT(GPTConfig(40, 60, d_model=12, n_heads=3, n_layers=2))
    ids = torch.randint(40, (2, 57))
    whole, _ = model(ids)
    cache = model.new_cache()
    pieces = [model(ids[:, t : t + 1], cache=cache)[0] for t in range(57)]
    torch.testing.assert_close(torch.cat(pieces, 1), whole, rtol=0, atol=1e-5)


def test_sentences_stop_at_the_full_stop():
    written = lesson08.write_sentences(lesson08.new_language_model(seed=0), 7, seed=1)
    assert len(written) == 7
    for text in written:
        words = text.split()
        assert "<s>" not in words and "." not in words[:-1]


def test_sentences_are_the_same_with_the_same_seed():
    model = lesson08.new_language_model(seed=0)
    first, again, other = (
        lesson08.write_sentences(model, 20, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again != other


def test_sentences_without_a_full_stop_go_to_the_last_position():
    model = lesson08.new_language_model(seed=0)
    stop = model.tokens.weight[LANGUAGE_VOCABULARY.ids["."]]
    with torch.no_grad():
        model.norm.weight.zero_()
        model.norm.bias.copy_(-1000 * stop)  # o ponto nunca sai
    written = lesson08.write_sentences(model, 5)
    assert max(len(text.split()) for text in written) == lesson08.CONTEXT - 1


def test_rotation_only_leaves_the_distance():
    q, k = torch.randn(2, 1, 4)
    scores = lesson08.rotate(q.expand(7, 4)) @ lesson08.rotate(k.expand(7, 4)).T
    for distance in range(-6, 7):
        diagonal = scores.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))
    assert not torch.isclose(scores[3, 3], scores[4, 3])
    torch.testing.assert_close(lesson08.rotate(q), q)  # a posição 0 não gira


def test_each_pair_turns_at_its_own_speed():
    turned = lesson08.rotate(torch.tensor([[1.0, 1.0, 0.0, 0.0]]).expand(3, 4))
    angle = torch.tensor([2.0, 0.2])  # na posição 2: velocidades 1 e 100^(−1/2)
    torch.testing.assert_close(turned[2], torch.cat([angle.cos(), angle.sin()]))


def test_rope_turns_queries_and_keys():
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 2, 9, 8)
    mask = causal_mask(9)
    output, weights = lesson08.rope_attention(q, k, v, mask)
    scores = lesson08.rotate(q) @ lesson08.rotate(k).mT / math.sqrt(8)
    expected = scores.masked_fill(~mask, -torch.inf).softmax(-1)
    torch.testing.assert_close(weights, expected)
    torch.testing.assert_close(output, expected @ v)
    assert lesson08.fast_rope_attention.takes_causal
    for options in ({"mask": mask}, {"causal": True}):
        fast, _ = lesson08.fast_rope_attention(q, k, v, **options)
        torch.testing.assert_close(fast, output)


def test_new_copier():
    first, again, other = (lesson08.new_copier(2, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.tokens.weight, again.tokens.weight)
    assert not torch.equal(first.tokens.weight, other.tokens.weight)
    assert not first.positions.weight.any()
    layer = first.blocks[1].attention
    for W, std in ((layer.W_q, 0.1), (layer.W_k, 0.1), (layer.W_v, 0.05)):
        assert W.weight.std().item() == pytest.approx(std, rel=0.05)


def test_no_sequence_to_copy_repeats(monkeypatch):
    drawn = []
    spy = lambda model, batches, **_: drawn.extend(map(batches, range(2)))  # noqa: E731
    monkeypatch.setattr(lesson08, "train", spy)
    for seed in (0, 0, 1):
        lesson08.teach_to_copy(lesson08.new_copier(1, seed=0), seed=seed)
    first, second, again, _, other, _ = (batch.ids for batch in drawn)
    assert torch.equal(first, again)
    assert not torch.equal(first, second) and not torch.equal(first, other)


class Parrot(nn.Module):
    """Sabe os alvos de cor, mas erra os das primeiras frases."""

    def __init__(self, batch, n_wrong):
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(1))  # onde mora o modelo
        guess = batch.targets.clamp(0)
        guess[:n_wrong] += 1
        self.logits = F.one_hot(guess).float()

    def forward(self, ids):
        return self.logits, None


def test_copy_accuracy_counts_the_second_copy():
    batch = induction(6, seed=0)
    assert lesson08.copy_accuracy(Parrot(batch, 0), batch) == 1
    asked = (batch.targets != -100).sum(-1)
    right = (asked[2:].sum() / asked.sum()).item()
    assert lesson08.copy_accuracy(Parrot(batch, 2), batch) == pytest.approx(right)


@pytest.mark.parametrize(
    ("offset", "from_copy"),
    [(-3, True), (0, True), (1, True), (-14, False), (-1, False), (0, False)],
)
def test_best_offset_finds_the_planted_one(offset, from_copy):
    batch = induction(5, seed=0)
    T = batch.ids.shape[1]
    place = torch.arange(T) - batch.period[:, None] * from_copy + offset
    weights = F.one_hot(place.clamp(0), T).float()  # (B, T, T)
    found, weight = lesson08.best_offset(weights, batch, from_copy=from_copy)
    assert found == offset and weight > 0.9


def test_best_offset_is_the_mean_of_the_whole_second_copy():
    """Também das posições que não têm 14 tokens antes: ali, o peso é 0."""
    batch = induction(50, seed=0)
    T = batch.ids.shape[1]
    here, asked = torch.arange(T), batch.targets != -100
    weights = F.one_hot((here - 14).clamp(0), T) * (here >= 14)[:, None]
    weights = weights.float().expand(50, T, T)
    far = ((asked & (here >= 14)).sum() / asked.sum()).item()
    found = lesson08.best_offset(weights, batch, from_copy=False)
    assert far < 1 and found == (-14, pytest.approx(far))


def test_explicit_memory_grows_with_the_square():
    peaks = []
    for T in (64, 128, 256):
        q, k, v = torch.randn(3, T, 4)
        peaks.append(lesson08.peak_memory(attention, q, k, v, causal_mask(T)))
    assert lesson08.peak_memory(lambda: None) == 0
    assert 3.5 < peaks[1] / peaks[0] < 4.1 and 3.5 < peaks[2] / peaks[1] < 4.1
    assert lesson08.peak_memory(attention, q, k, v, causal_mask(T)) == peaks[2]


def test_peak_memory_adds_up_and_leaves_out_what_there_was():
    there = torch.zeros(10**6)
    peak = lesson08.peak_memory(lambda: (there + 1, torch.zeros(1000)))
    assert peak == 4 * 10**6 + 4000


# --- as afirmações, em três sementes --------------------------------------------------


@claims
@pytest.mark.parametrize("seed", SEEDS)
def test_loss_comes_close_to_the_floor(seed):
    assert 0 < excess(gpt(seed)) < 0.03


@claims
@pytest.mark.parametrize("seed", SEEDS)
def test_sentences_that_were_not_in_training_tell_the_same(seed):
    """Perto de metade das de teste, quase todas curtas, saiu também no treino."""
    training, fresh = sentences()
    known = {tuple(training.words(i)) for i in range(len(training))}
    unseen = [i for i in range(len(fresh)) if tuple(fresh.words(i)) not in known]
    assert 0.4 * len(fresh) < len(unseen) < 0.6 * len(fresh)
    assert 0 < excess(gpt(seed), fresh[torch.tensor(unseen)]) < 0.05


@claims
@pytest.mark.parametrize("seed", SEEDS)
def test_most_sentences_are_grammatical(seed):
    written = lesson08.write_sentences(gpt(seed), seed=seed)
    assert grammatical_rate(written) >= 0.9


def test_untrained_models_write_nothing_grammatical():
    written = lesson08.write_sentences(lesson08.new_language_model(seed=0), 100)
    assert grammatical_rate(written) < 0.05


@claims
@pytest.mark.parametrize("seed", SEEDS)
def test_the_row_before_the_verb_looks_at_the_subject_and_its_article(seed):
    ids = LANGUAGE_VOCABULARY.encode("<s> as porcas que o leão viu")
    row = gpt(seed).attention_weights(ids[None])[0, 0, :, -1]  # (H, T)
    assert row[:, 2].max() > 0.7  # porcas
    assert row[:, 1].max() > 0.7  # as


@claims
@pytest.mark.parametrize("seed", SEEDS)
def test_what_each_part_is_worth(seed):
    whole = small_excess(seed)
    assert small_excess(seed, "residual") > whole + 0.5
    assert small_excess(seed, "attention") > whole + 0.1
    assert small_excess(seed, "norm") > whole + 0.04


@claims
@pytest.mark.parametrize("seed", SEEDS)
def test_what_this_grammar_does_not_need(seed):
    whole = small_excess(seed)
    assert whole < 0.3
    for other in (
        small_excess(seed, "mlp"),
        small_excess(seed, "positions"),
        small_excess(seed, n_layers=1),
    ):
        assert abs(other - whole) < 0.03


@claims
@pytest.mark.parametrize("seed", SEEDS)
def test_with_500_steps_two_blocks_do_without_the_norm(seed):
    """O que custava em 150 passos já não custa: a LayerNorm apressa."""
    assert 0 < excess(trained_without("norm", seed, n_layers=2)) < 0.03


@claims
@pytest.mark.parametrize("seed", SEEDS)
def test_one_block_without_positions_writes_twice_as_many_errors(seed):
    rates = [
        grammatical_rate(lesson08.write_sentences(model, seed=seed))
        for model in (gpt(seed), trained_without("positions", seed, n_layers=1))
    ]
    errors, without_positions = (1 - rate for rate in rates)
    assert errors < 0.1 and 0.17 < without_positions < 0.25
    assert without_positions > 2 * errors


@claims
@pytest.mark.parametrize("seed", SEEDS)
def test_two_layers_copy_and_one_does_not(seed):
    sequences = induction(500, seed=1)
    assert lesson08.copy_accuracy(copier(2, seed), sequences) > 0.95
    assert lesson08.copy_accuracy(copier(1, seed), sequences) < 0.4


@claims
@pytest.mark.parametrize("seed", SEEDS)
def test_the_first_layer_looks_as_far_back_as_the_second_looks_ahead(seed):
    """Em geral −1 e +1; em algumas sementes, −k e +k (e o bloco 1 traz o resto)."""
    sequences = induction(500, seed=1)
    maps = copier(2, seed).attention_weights(sequences.ids)

    def offsets(layer):
        return [
            lesson08.best_offset(maps[layer, :, h], sequences, from_copy=layer == 1)
            for h in range(2)
        ]

    ahead, weight = max(offsets(1), key=lambda pair: pair[1])
    assert ahead >= 1 and weight > 0.8
    assert any(back == -ahead and weight > 0.5 for back, weight in offsets(0))
