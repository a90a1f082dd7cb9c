"""Aula 8: o GPT treinado na língua, sem uma peça de cada vez, e a tarefa de indução.

Língua: d_model = 48, 4 cabeças, 500 passos de 48 frases, lr 1,5e-2 (30 de aquecimento,
depois cosseno até 5 %), gradiente cortado em norma 1. Com 1 camada, uns 5 s de CPU; em
5 sementes e 2000 frases, de 0,018 a 0,027 nat acima do piso, e de 91 a 94 % das frases
gramaticais. Com 2 camadas, o dobro do tempo e o mesmo resultado. Ablações: 2 camadas,
d_model = 32, 150 passos de 32 frases, 2 s cada uma.
"""

import json
import os
import tempfile
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from attention_lab.attention import attention
from attention_lab.efficient import sdpa_attention
from attention_lab.grammar import (
    BOS,
    INDUCTION_VOCABULARY,
    LANGUAGE_VOCABULARY,
    InductionBatch,
    LanguageBatch,
    first_sentence,
    induction,
    language,
)
from attention_lab.layers import GPT, GPTConfig, ablate
from attention_lab.train import History, train

CONTEXT = 40  # posições que o modelo tem; a frase mais longa da língua tem 27 tokens
N_TRAIN, N_TEST, N_SAMPLES = 20_000, 2_000, 500


# --- Um modelo de língua --------------------------------------------------------------


def new_language_model(
    *, seed: int, parts: tuple[str, ...] = (), d_model: int = 48, n_layers: int = 2
) -> GPT:
    """Um GPT de 4 cabeças, não treinado, do tamanho do vocabulário da língua.

    Os parâmetros são sorteados como no GPT-2, menos os embeddings das palavras, que
    começam maiores (desvio 0,1): com poucos passos, assim se aprende mais.

    parts: as peças que faltam, como em ``ablate``

    >>> model = new_language_model(seed=0)
    >>> sum(p.numel() for p in model.parameters())
    63120
    """
    torch.manual_seed(seed)
    config = GPTConfig(len(LANGUAGE_VOCABULARY), CONTEXT, d_model, 4, n_layers)
    model = GPT(config)
    nn.init.normal_(model.tokens.weight, std=0.1)
    return ablate(model, *parts)


def training_sentences() -> LanguageBatch:
    """As 20.000 frases de treino: as mesmas para todas as sementes."""
    return language(N_TRAIN, seed=1)


def held_out_sentences() -> LanguageBatch:
    """2000 frases sorteadas com outra semente, para medir."""
    return language(N_TEST, seed=2)


def random_sentences(data: LanguageBatch, *, seed: int, batch_size: int):
    """A função ``batches`` de ``train``: a cada passo, frases sorteadas de data.

    Devolve: batches(step) -> (ids, targets), cada um (batch_size, T); T é o tamanho
        da frase mais longa do batch.
    """
    generator = torch.Generator().manual_seed(seed)

    def batches(step):
        rows = torch.randint(len(data), (batch_size,), generator=generator)
        T = int(data.lengths[rows].max())
        return data.ids[rows, :T], data.targets[rows, :T]

    return batches


def next_token_loss(model: GPT, batch: tuple[Tensor, Tensor]) -> Tensor:
    """A perda do batch, em nats por token."""
    device = next(model.parameters()).device  # com GPU, os dados vão até o modelo
    ids, targets = (tensor.to(device) for tensor in batch)
    return model(ids, targets)[1]


@contextmanager
def attending(model: GPT, attend: Callable):
    """Troca a função de atenção só enquanto dura o ``with``, mesmo se há um erro."""
    before = [block.attention.attend for block in model.blocks]
    use_attention(model, attend)
    try:
        yield
    finally:
        for block, function in zip(model.blocks, before, strict=True):
            block.attention.attend = function


@contextmanager
def on_the_gpu(model: GPT):
    """Enquanto dura o ``with``, o modelo mora na GPU, se há uma; depois, volta."""
    home = next(model.parameters()).device
    model.to("cuda" if torch.cuda.is_available() else home)
    try:
        yield
    finally:
        model.to(home)


def use_attention(model: GPT, attend: Callable) -> None:
    """Troca a função de atenção de todos os blocos: a tomada é a mesma."""
    for block in model.blocks:
        block.attention.attend = attend


def teach_language(
    model: GPT,
    data: LanguageBatch,
    *,
    seed: int,
    steps: int = 500,
    lr: float = 1.5e-2,
    batch_size: int = 48,
) -> History:
    """Treina o modelo para prever a próxima palavra; na GPU, se há uma."""
    fast = attending(model, sdpa_attention)  # a mesma conta, em menos tempo
    with on_the_gpu(model), fast:
        return train(
            model,
            random_sentences(data, seed=seed, batch_size=batch_size),
            loss_fn=next_token_loss,
            steps=steps,
            lr=lr,
            clip=1.0,
        )


def write_sentences(model: GPT, n: int = N_SAMPLES, *, seed: int = 0) -> list[str]:
    """Frases que o modelo inventa, um token por vez, até o ponto final.

    Devolve: n textos, sem ``<s>``. Sem ponto final, a frase vai até a última posição.
    """
    device = next(model.parameters()).device
    begin = torch.full((n, 1), LANGUAGE_VOCABULARY.ids[BOS], device=device)
    generator = torch.Generator(device).manual_seed(seed)
    ids = model.generate(begin, CONTEXT - 1, generator=generator)
    texts = [LANGUAGE_VOCABULARY.decode(row) for row in ids.cpu()]
    return [" ".join(first_sentence(text)) for text in texts]


# --- Indução --------------------------------------------------------------------------


def rotate(x: Tensor, base: float = 100.0) -> Tensor:
    """Gira cada par de coordenadas por um ângulo que cresce com a posição (RoPE).

    x: (..., T, d_k), consultas ou chaves; d_k par
    Devolve: (..., T, d_k). O produto escalar de uma consulta com uma chave giradas só
        depende da distância entre as duas posições.
    Fonte: Su et al., 2021 (arXiv 2104.09864).

    >>> x = torch.ones(5, 4)
    >>> scores = rotate(x) @ rotate(x).T
    >>> torch.allclose(scores[1, 0], scores[4, 3])  # distância 1 nos dois
    True
    """
    T, d_k = x.shape[-2:]
    speeds = base ** (-torch.arange(0, d_k, 2, device=x.device) / d_k)  # (d_k/2,)
    angles = torch.arange(T, device=x.device)[:, None] * speeds  # (T, d_k/2)
    first, second = x.chunk(2, dim=-1)  # (..., T, d_k/2) cada
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


def rope_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None):
    """``attention`` com posições relativas: cabe em ``attend=``, sem cache."""
    return attention(rotate(q), rotate(k), v, mask)


def fast_rope_attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, *, causal: bool = False
):
    """A mesma conta, pela SDPA: mais rápida, mas não devolve os pesos."""
    return sdpa_attention(rotate(q), rotate(k), v, mask, causal=causal)


fast_rope_attention.takes_causal = True


def new_copier(n_layers: int, *, seed: int) -> GPT:
    """Um GPT só de atenção (sem MLP, com RoPE), de 2 cabeças, para a indução.

    Consultas, chaves e valores começam maiores que no GPT-2 (desvios 0,1, 0,1 e 0,05):
    com 0,02 os pesos nascem quase uniformes, e o treino demora a sair dali.
    """
    torch.manual_seed(seed)
    config = GPTConfig(
        len(INDUCTION_VOCABULARY), CONTEXT, 64, 2, n_layers, attend=rope_attention
    )
    model = GPT(config)
    for block in model.blocks:
        nn.init.normal_(block.attention.W_q.weight, std=0.1)
        nn.init.normal_(block.attention.W_k.weight, std=0.1)
        nn.init.normal_(block.attention.W_v.weight, std=0.05)
    return ablate(model, "mlp", "positions")


def teach_to_copy(
    model: GPT,
    *,
    seed: int,
    steps: int = 300,
    lr: float = 3e-3,
    batch_size: int = 64,
) -> History:
    """Treina com sequências sorteadas a cada passo, na GPU, se há: nenhuma se repete.

    A taxa de aprendizado não desce: com 2 camadas a perda fica parada e cai de repente,
    e a taxa já não pode estar baixa quando chega a hora. Em 8 sementes, a acurácia
    passou de 0,98, em uns 8 s de CPU.
    """
    generator = torch.Generator().manual_seed(seed)
    with on_the_gpu(model), attending(model, fast_rope_attention):
        return train(
            model,
            lambda step: induction(batch_size, seed=generator),
            loss_fn=lambda model, b: next_token_loss(model, (b.ids, b.targets)),
            steps=steps,
            lr=lr,
            floor=1.0,
            clip=1.0,
        )


@torch.no_grad()
def copy_accuracy(model: GPT, batch: InductionBatch) -> float:
    """A fração dos tokens da segunda cópia (fora o primeiro) que o modelo acerta."""
    asked = batch.targets != -100
    device = next(model.parameters()).device
    right = model(batch.ids.to(device))[0].argmax(-1).cpu() == batch.targets
    return right[asked].float().mean().item()


def best_offset(
    weights: Tensor, batch: InductionBatch, *, from_copy: bool
) -> tuple[int, float]:
    """Para onde uma cabeça olha, na segunda cópia: o deslocamento de maior peso médio.

    weights: (B, T, T), de uma cabeça
    from_copy: True conta a partir da mesma palavra na primeira cópia (0 é ela, 1 a que
        veio depois); False conta a partir da própria posição (−1 é a anterior)
    Devolve: o deslocamento, de −14 a 14, e o peso médio que ele recebe.
    """
    asked = batch.targets != -100  # (B, T)
    here = torch.arange(batch.ids.shape[1]).expand_as(batch.ids)
    origin = here - batch.period[:, None] if from_copy else here
    means, weights = {}, weights.cpu()
    for offset in range(-14, 15):
        place = origin + offset  # (B, T)
        seen = asked & (place >= 0) & (place <= here)
        picked = weights.gather(-1, place.clamp(0, here.max())[..., None])[..., 0]
        means[offset] = (picked * seen).sum().item() / asked.sum().item()
    best = max(means, key=means.get)
    return best, means[best]


# --- Custo ----------------------------------------------------------------------------


@contextmanager
def _quiet_stderr():
    """O profiler avisa, do C++ e do Python, sobre si mesmo: vai para lugar nenhum."""
    saved, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(sink)


def peak_memory(function: Callable, *args) -> int:
    """O máximo de memória que function(*args) pede de uma vez, em bytes.

    É o que o PyTorch aloca na CPU durante a chamada, também dentro das suas operações,
    além do que já havia: o mesmo número a cada vez.

    >>> peak_memory(torch.zeros, 1000)
    4000
    """
    cpu = [torch.profiler.ProfilerActivity.CPU]
    with _quiet_stderr(), tempfile.TemporaryDirectory() as folder:
        with torch.profiler.profile(activities=cpu, profile_memory=True) as profiler:
            function(*args)
        trace = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]
    events = [event for event in events if event["name"] == "[memory]"]
    steps = [event["args"] for event in sorted(events, key=lambda event: event["ts"])]
    if not steps:
        return 0
    before = steps[0]["Total Allocated"] - steps[0]["Bytes"]
    return max(step["Total Allocated"] for step in steps) - before
