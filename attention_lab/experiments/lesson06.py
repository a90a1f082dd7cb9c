"""Aula 6: o mesmo modelo de linguagem com a máscara causal e sem ela.

Um GPT de 1 camada, d_model = 32, 2 cabeças, treinado por 400 passos de 64 frases, lr
1e-2 (30 passos de aquecimento, depois cosseno até 5 %), gradiente cortado em norma 1.
Um treino leva poucos segundos de CPU. Medido em 5 sementes, em 300 frases de teste.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from attention_lab.grammar import (
    LANGUAGE_VOCABULARY,
    LanguageBatch,
    first_sentence,
    is_grammatical,
    language,
    log_prob,
)
from attention_lab.layers import GPT, GPTConfig
from attention_lab.train import train

D_MODEL, N_HEADS, N_LAYERS, CONTEXT = 32, 2, 1, 48
STEPS, BATCH_SIZE, N_TRAIN, N_TEST = 400, 64, 6000, 300


def new_model(*, causal: bool = True, seed: int = 0) -> GPT:
    """Um GPT pequeno; causal=False deixa cada token olhar também para o futuro.

    >>> new_model(causal=False).blocks[0].attention.causal
    False
    """
    torch.manual_seed(seed)
    config = GPTConfig(len(LANGUAGE_VOCABULARY), CONTEXT, D_MODEL, N_HEADS, N_LAYERS)
    model = GPT(config)
    for block in model.blocks:
        block.attention.causal = causal
    return model


def train_language_model(
    *, causal: bool = True, seed: int = 0, steps: int = STEPS
) -> GPT:
    """Treina um modelo para prever o próximo token; a máscara é a única diferença."""
    model = new_model(causal=causal, seed=seed)
    data = language(N_TRAIN, seed=1000 + seed)
    order = torch.Generator().manual_seed(seed)

    def batches(step: int) -> LanguageBatch:
        return data[torch.randint(N_TRAIN, (BATCH_SIZE,), generator=order)]

    def loss_fn(model: GPT, batch: LanguageBatch) -> Tensor:
        return model(batch.ids, batch.targets)[1]

    train(model, batches, loss_fn=loss_fn, steps=steps, lr=1e-2, clip=1.0)
    return model


@torch.no_grad()
def teacher_forced_loss(model: GPT, batch: LanguageBatch) -> float:
    """A perda do treino, em nats por token: a frase inteira entra de uma vez."""
    device = next(model.parameters()).device
    return model(batch.ids.to(device), batch.targets.to(device))[1].item()


@torch.no_grad()
def prefix_loss(model: GPT, batch: LanguageBatch) -> float:
    """A perda honesta, em nats por token: cada token é previsto só do que veio antes.

    O modelo recebe os prefixos um a um, como quando gera; o futuro nem entra. Com a
    máscara causal, dá o mesmo que ``teacher_forced_loss``.
    """
    total, count = 0.0, 0
    for t in range(batch.ids.shape[1]):
        asked = batch.targets[:, t] != -100
        if asked.any():
            logits, _ = model(batch.ids[asked, : t + 1])
            targets = batch.targets[asked, t]
            total += F.cross_entropy(logits[:, -1], targets, reduction="sum").item()
            count += len(targets)
    return total / count


def exact_loss(batch: LanguageBatch) -> float:
    """O piso, em nats por token: a perda de quem soubesse a gramática inteira."""
    words = [batch.words(i) for i in range(len(batch.ids))]
    return -sum(log_prob(w) for w in words) / sum(len(w) for w in words)


def sample_sentences(model: GPT, n: int = 200, *, seed: int = 0) -> list[str]:
    """Frases geradas token a token, cada uma até o primeiro ponto final."""
    start = torch.full((n, 1), LANGUAGE_VOCABULARY.ids["<s>"])
    generator = torch.Generator().manual_seed(seed)
    ids = model.generate(start, CONTEXT - 1, generator=generator, use_cache=False)
    texts = [LANGUAGE_VOCABULARY.decode(row[1:]) for row in ids]
    return [" ".join(first_sentence(text)) for text in texts]


def grammatical_rate(sentences: list[str]) -> float:
    """A fração das frases que o reconhecedor da gramática aceita."""
    return sum(bool(is_grammatical(s)) for s in sentences) / len(sentences)


@torch.no_grad()
def leak_matrix(model: GPT, ids: Tensor) -> Tensor:
    """Quanto a saída de cada posição muda quando se troca um token.

    ids: (T,), uma frase
    Devolve: (T, T); em [i, j], a maior mudança dos logits da posição i quando o token
        j vira outro. Acima da diagonal (j > i) está o vazamento: sem ele, é 0 exato.
    """
    before, _ = model(ids[None])
    columns = []
    for j in range(len(ids)):
        changed = ids.clone()
        changed[j] = ids[j] % (len(LANGUAGE_VOCABULARY) - 1) + 1  # outro, e nunca 0
        after, _ = model(changed[None])
        columns.append((after - before).abs().amax(-1)[0])  # (T,)
    return torch.stack(columns, dim=-1)


@torch.no_grad()
def next_token_weight(model: GPT, batch: LanguageBatch) -> Tensor:
    """Quanto do peso de atenção da primeira camada vai para o token seguinte.

    Devolve: (H,), a média de cada cabeça nas posições que têm um token depois. Com a
        máscara causal, 0.
    """
    weights = model.attention_weights(batch.ids)[0]  # (B, H, T, T)
    forward = weights.diagonal(1, -2, -1)  # (B, H, T − 1): de t para t + 1
    followed = torch.arange(forward.shape[-1]) < batch.lengths[:, None] - 1
    return forward.transpose(0, 1)[:, followed].mean(-1)


def held_out(n: int = N_TEST) -> LanguageBatch:
    """As frases de teste, sorteadas à parte; as curtas podem sair também no treino."""
    return language(n, seed=99)
