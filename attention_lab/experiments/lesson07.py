"""Aula 7: duas relações numa lacuna só, e quantas cabeças as duas pedem.

A manchete "loba contra gatos : ___" pede o verbo do primeiro substantivo (12 formas) e
o pronome do outro (4). Treino: 400 passos de 64 manchetes, lr 1e-2 (100 passos de
aquecimento, depois cosseno até 0), d_model = 64; de 3 s (1 cabeça) a 5 s de CPU (8).
A perda do pronome vale 1,25: com 1, em parte das sementes as duas cabeças vão para o
mesmo substantivo e ficam lá; com 2, uma cabeça reparte o peso e aprende boa parte.
"""

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attention_lab.attention import attention, padding_mask
from attention_lab.grammar import (
    BOS,
    CLITICS,
    GAP,
    HEADLINE_VOCABULARY,
    HeadlineBatch,
    headline,
    join_clitic,
    select,
    split_words,
)
from attention_lab.layers import MultiHeadAttention
from attention_lab.train import train

D_MODEL, LONGEST = 64, 22  # largura dos vetores; tokens da maior manchete
STEPS, BATCH_SIZE, N_TRAIN, N_TEST = 400, 64, 8000, 1000
VERBS = tuple(word.text for word in select("ataque"))  # as 12 respostas, em ordem


class HeadlineReader(nn.Module):
    """Lê a manchete com uma camada de atenção e responde duas vezes na lacuna.

    n_heads: em quantas cabeças a largura se reparte; os parâmetros são os mesmos
    ids, query: (B, T) e (B,), como em ``HeadlineBatch``; query é a posição da lacuna
    Devolve: os logits do verbo (B, 12) e do pronome (B, 4), e weights (B, H, T), a
        linha da lacuna. As duas respostas são lineares no mesmo vetor de contexto, e
        por isso não há W_o: a leitura já faria o que ele faz. A lacuna não é chave.
    """

    def __init__(self, n_heads: int):
        super().__init__()
        self.tokens = nn.Embedding(len(HEADLINE_VOCABULARY), D_MODEL)
        self.positions = nn.Embedding(LONGEST, D_MODEL)
        self.attention = MultiHeadAttention(D_MODEL, n_heads, causal=False)
        self.attention.W_o = nn.Identity()
        self.verb = nn.Linear(D_MODEL, len(VERBS))
        self.clitic = nn.Linear(D_MODEL, len(CLITICS))
        nn.init.normal_(self.tokens.weight, std=0.3)
        nn.init.normal_(self.positions.weight, std=0.3)

    def forward(self, ids: Tensor, query: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        B, T = ids.shape
        x = self.tokens(ids) + self.positions(torch.arange(T))  # (B, T, D_MODEL)
        output, weights = self.attention(x, padding_mask(query, T))
        context = output[torch.arange(B), query]  # (B, D_MODEL), o da lacuna
        row = weights[torch.arange(B), :, query]  # (B, H, T)
        return self.verb(context), self.clitic(context), row


def fresh_headlines(seed: int = 0) -> HeadlineBatch:
    """1000 manchetes sorteadas à parte; umas poucas também saem no treino."""
    return headline(N_TEST, seed=1000 + seed)


@cache
def training_headlines(seed: int) -> HeadlineBatch:
    """As 8000 manchetes de treino da semente, feitas uma vez só."""
    return headline(N_TRAIN, seed=seed)


def train_reader(
    n_heads: int, *, seed: int, steps: int = STEPS, clitic_weight: float = 1.25
) -> HeadlineReader:
    """Um ``HeadlineReader`` treinado; a semente manda no início e nas manchetes.

    clitic_weight: quanto a perda do pronome pesa na soma das duas
    """
    torch.manual_seed(seed)
    reader = HeadlineReader(n_heads)
    data = training_headlines(seed)
    generator = torch.Generator().manual_seed(seed)

    def batches(step):
        return data[torch.randint(len(data), (BATCH_SIZE,), generator=generator)]

    def loss_fn(reader, batch):
        verb, clitic, _ = reader(batch.ids, batch.query)
        clitic_loss = F.cross_entropy(clitic, batch.clitic)
        return F.cross_entropy(verb, batch.answer) + clitic_weight * clitic_loss

    options = {"steps": steps, "lr": 1e-2, "warmup": steps // 4, "floor": 0.0}
    train(reader, batches, loss_fn=loss_fn, **options)
    return reader


@torch.no_grad()
def accuracy(reader: HeadlineReader, batch: HeadlineBatch) -> dict[str, float]:
    """A fração das manchetes com o verbo certo, o pronome certo e os dois certos."""
    verb, clitic, _ = reader(batch.ids, batch.query)
    verb_right = verb.argmax(-1) == batch.answer
    clitic_right = clitic.argmax(-1) == batch.clitic
    right = {"verbo": verb_right, "pronome": clitic_right}
    right["os dois"] = verb_right & clitic_right
    return {name: hits.float().mean().item() for name, hits in right.items()}


@torch.no_grad()
def weight_on_nouns(reader: HeadlineReader, batch: HeadlineBatch) -> Tensor:
    """O peso médio que a lacuna dá a cada substantivo das relações, por cabeça.

    Devolve: (H, 2), na coluna 0 o primeiro substantivo e na 1 o que segue "contra".
    """
    row = reader(batch.ids, batch.query)[2]  # (B, H, T)
    places = torch.stack([batch.subject, batch.opponent], dim=-1)  # (B, 2)
    return row.gather(-1, places[:, None].expand(-1, row.shape[1], -1)).mean(0)


def without_heads(*heads: int):
    """A função ``attention``, com a saída dessas cabeças trocada por zeros.

    Devolve: uma função que serve de ``attend`` a ``MultiHeadAttention``.

    >>> q = k = v = torch.ones(1, 2, 3, 4)
    >>> without_heads(1)(q, k, v)[0].sum((-2, -1))
    tensor([[12.,  0.]])
    """

    def attend(q, k, v, mask=None):
        output, weights = attention(q, k, v, mask)  # (B, H, T, d_k)
        kept = torch.ones(output.shape[-3], 1, 1)
        kept[list(heads)] = 0.0
        return output * kept, weights

    return attend


def ablated_accuracy(
    reader: HeadlineReader, batch: HeadlineBatch, *heads: int
) -> dict[str, float]:
    """``accuracy`` sem essas cabeças; o leitor volta a ser o que era."""
    reader.attention.attend = without_heads(*heads)
    try:
        return accuracy(reader, batch)
    finally:
        reader.attention.attend = attention


@torch.no_grad()
def read_headline(
    reader: HeadlineReader, sentence: str
) -> tuple[str, list[str], Tensor]:
    """Lê uma manchete digitada, como "loba contra gatos".

    sentence: palavras de ``HEADLINE_VOCABULARY``; ": ___" no fim é opcional
    Devolve: a resposta ("atacou-os"), os tokens e os pesos da lacuna (H, T).
    Erro: ValueError se há uma palavra desconhecida (a mensagem lista as parecidas) ou
        se a manchete passa de 22 tokens.
    """
    words = [w for w in split_words(sentence) if w not in (BOS, ":", GAP)]
    HEADLINE_VOCABULARY.encode(words)  # reclama da manchete vazia
    ids = HEADLINE_VOCABULARY.encode([BOS, *words, ":", GAP])
    if len(ids) > LONGEST:
        raise ValueError(
            f"a manchete tem {len(ids)} tokens, com <s>, : e ___, mas o leitor só "
            f"tem posições para {LONGEST}."
        )
    query = torch.tensor([len(ids) - 1])
    verb, clitic, row = reader(ids[None], query)
    answer = join_clitic(VERBS[verb.argmax()], CLITICS[clitic.argmax()])
    return answer, [HEADLINE_VOCABULARY.words[i] for i in ids], row[0]
