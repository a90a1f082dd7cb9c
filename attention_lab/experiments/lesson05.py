"""Aula 5: uma cabeça treinada para achar o sujeito, e onde ela falha.

Tudo com uma cabeça, d_model = 32, 300 passos de 64 frases, lr 1e-2 (50 passos de
aquecimento, depois cosseno até 0), frases de distância 0 a 8. Um treino leva cerca de
1,5 s de CPU. Medido em 5 sementes, em 600 frases de teste.
"""

from functools import cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attention_lab.attention import attention, padding_mask
from attention_lab.grammar import (
    AGREEMENT_VOCABULARY,
    BOS,
    GAP,
    LANGUAGE_VOCABULARY,
    LEXICON,
    Batch,
    LanguageBatch,
    agreement,
    language,
    select,
)
from attention_lab.layers import SelfAttention
from attention_lab.train import History, train

D_MODEL, LONGEST = 32, 40  # largura dos vetores; posições que há
DISTANCES = range(9)  # tokens entre o sujeito e a lacuna, no treino
STEPS, BATCH_SIZE, N_TRAIN, N_TEST = 300, 64, 8000, 600
ANIMALS = select("bicho")  # as 24 formas que podem ser sujeito
VERBS = tuple(word.text for word in select("verbo"))  # as 12 respostas, em ordem
STD = 0.3  # o desvio com que se sorteiam os embeddings


class Reader(nn.Module):
    """Lê a frase com uma cabeça e responde, na lacuna, com o vetor de contexto dela.

    head: a camada de atenção, (x, mask) -> (output, weights), como ``SelfAttention``
    n_answers: 12 formas verbais, ou 2 (só o número: singular ou plural)
    positions: False tira os embeddings posicionais
    look_at_self: False proíbe que um token olhe para si mesmo
    ids, lengths: (B, T) e (B,), como em ``Batch``; a lacuna é o último token
    Devolve: logits (B, n_answers) e weights (B, T, T). A resposta sai só do vetor de
        contexto da lacuna: se a cabeça não olhar para o sujeito, não há de onde saber.
    """

    def __init__(
        self,
        head: nn.Module,
        *,
        n_answers: int = 12,
        positions: bool = True,
        look_at_self: bool = False,
        std: float = STD,
    ):
        super().__init__()
        self.tokens = nn.Embedding(len(AGREEMENT_VOCABULARY), D_MODEL)
        self.positions = nn.Embedding(LONGEST, D_MODEL)
        self.head = head
        self.readout = nn.Linear(D_MODEL, n_answers)
        self.n_answers, self.look_at_self = n_answers, look_at_self
        nn.init.normal_(self.tokens.weight, std=std)
        nn.init.normal_(self.positions.weight, std=std)
        if not positions:
            nn.init.zeros_(self.positions.weight).requires_grad_(False)

    def embed(self, ids: Tensor) -> Tensor:
        """(B, T, D_MODEL): o embedding de cada token mais o da sua posição."""
        return self.tokens(ids) + self.positions(torch.arange(ids.shape[1]))

    def forward(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        B, T = ids.shape
        mask = padding_mask(lengths, T)[:, 0]  # (B, 1, T)
        if not self.look_at_self:
            mask = mask & ~torch.eye(T, dtype=torch.bool)  # (B, T, T)
        output, weights = self.head(self.embed(ids), mask)
        context = output[torch.arange(B), lengths - 1]  # (B, D_MODEL), o da lacuna
        return self.readout(context), weights

    def targets(self, batch: Batch) -> Tensor:
        """(B,): o índice da forma verbal, ou do número (0 singular, 1 plural)."""
        return batch.answer if self.n_answers == 12 else batch.answer % 2


def raw_similarity_head(d_model: int) -> SelfAttention:
    """Quase a cabeça do caderno 03: uma projeção só (Q = K), sem dividir por √d_k.

    Com vetores longos (std=2.0) e olhando para si, não sai do lugar: a lacuna começa
    com peso 1,00 em si mesma, e com um só peso não nulo o gradiente dos escores é 0.
    """
    head = SelfAttention(d_model, attend=partial(attention, scale=1.0))
    head.W_k = head.W_q
    return head


def new_reader(make_head=SelfAttention, *, seed: int, **options) -> Reader:
    """Um ``Reader`` não treinado, sorteado pela semente; options vão para ele.

    >>> reader = new_reader(seed=0)
    >>> sentences = fresh_sentences(seed=0)
    >>> reader(sentences.ids, sentences.lengths)[0].shape
    torch.Size([600, 12])
    """
    torch.manual_seed(seed)
    return Reader(make_head(D_MODEL), **options)


def fresh_sentences(*, seed: int, distance=DISTANCES, articles: bool = False) -> Batch:
    """600 frases de G2 de outro sorteio (a semente delas é outra)."""
    return agreement(N_TEST, distance, articles=articles, seed=1000 + seed)


def random_batches(data, seed: int):
    """A função ``batches`` de ``train``: linhas de data, sorteadas a cada passo."""
    generator = torch.Generator().manual_seed(seed)

    def batches(step):
        return data[torch.randint(len(data), (BATCH_SIZE,), generator=generator)]

    return batches


def answer_loss(reader: Reader, batch: Batch) -> Tensor:
    """Entropia cruzada, em nats, entre a resposta prevista e a certa."""
    logits, _ = reader(batch.ids, batch.lengths)
    return F.cross_entropy(logits, reader.targets(batch))


def teach(
    reader: Reader, *, seed: int, articles: bool = False, steps: int = STEPS
) -> History:
    """Treina o leitor nas frases de G2. Ninguém diz a ele onde está o sujeito."""
    data = agreement(N_TRAIN, DISTANCES, articles=articles, seed=seed)
    return train(
        reader,
        random_batches(data, seed),
        loss_fn=answer_loss,
        steps=steps,
        lr=1e-2,
        warmup=50,
        floor=0.0,
    )


@torch.no_grad()
def measure(reader: Reader, batch: Batch) -> dict[str, float]:
    """Acurácia e, na linha da lacuna, o peso médio que cada tipo de token recebe.

    Devolve: "acurácia"; e o peso em "sujeito", "antes do sujeito" (o artigo, se há),
        "animados" e "inanimados" (os atratores, somados em cada frase), "lacuna".
    """
    logits, weights = reader(batch.ids, batch.lengths)
    sentence = torch.arange(len(batch))
    row = weights[sentence, batch.query]  # (B, T), a linha que responde
    right = logits.argmax(-1) == reader.targets(batch)
    values = {
        "acurácia": right.float(),
        "sujeito": row[sentence, batch.subject],
        "antes do sujeito": row[sentence, batch.subject - 1],
        "animados": (row * batch.animate).sum(-1),
        "inanimados": (row * batch.inanimate).sum(-1),
        "lacuna": row[sentence, batch.query],
    }
    return {name: value.mean().item() for name, value in values.items()}


@torch.no_grad()
def read_sentence(reader: Reader, sentence: str) -> tuple[str, list[str], Tensor]:
    """O que o leitor responde a uma frase digitada, sem ``<s>`` nem ``___``.

    Devolve: a forma verbal prevista, os T tokens e weights (T, T).
    Erro: ValueError se há palavra fora do vocabulário (a mensagem diz as parecidas) ou
        se a frase passa de 40 tokens.

    >>> answer, tokens, weights = read_sentence(new_reader(seed=0), "Hoje, gata ali")
    >>> tokens
    ['<s>', 'hoje', ',', 'gata', 'ali', '___']
    """
    vocabulary = AGREEMENT_VOCABULARY
    words = vocabulary.decode(vocabulary.encode(sentence)).split()
    tokens = [BOS, *(word for word in words if word not in (BOS, GAP)), GAP]
    if len(tokens) > LONGEST:
        raise ValueError(
            f"a frase tem {len(tokens)} tokens, mas só há {LONGEST} posições."
        )
    ids = torch.tensor([[vocabulary.ids[word] for word in tokens]])
    logits, weights = reader(ids, torch.tensor([len(tokens)]))
    return VERBS[logits.argmax()], tokens, weights[0]


@cache
def training_words() -> frozenset[str]:
    """As palavras que aparecem nas frases de treino em estilo de manchete."""
    data = agreement(N_TRAIN, DISTANCES, seed=0)
    return frozenset(data.vocabulary.words[i] for i in data.ids.unique().tolist())


def untrained_words(tokens: list[str]) -> list[str]:
    """As que o treino nunca mostrou: os vetores delas ainda são os sorteados.

    >>> untrained_words(["<s>", "a", "gata", "estava", "ali", "___"])
    ['a', 'estava']
    """
    return [token for token in tokens if token not in training_words()]


@torch.no_grad()
def answer_with_row(reader: Reader, batch: Batch, row: Tensor) -> Tensor:
    """A intervenção: que resposta sai se os pesos da lacuna forem estes?

    row: (B, T), a linha de pesos imposta à lacuna
    Devolve: (B,), o índice da resposta prevista.
    """
    values = reader.head.W_v(reader.embed(batch.ids))  # (B, T, D_MODEL)
    context = (row[:, None] @ values)[:, 0]  # (B, D_MODEL)
    return reader.readout(context).argmax(-1)


def verb_of(noun: str) -> str:
    """A forma verbal que concorda com um bicho.

    >>> verb_of("leoas")
    'rugiram'
    """
    word = LEXICON[noun]
    (verb,) = select("verbo", like=word, lemma=word.lemma)
    return verb.text


@torch.no_grad()
def fronted_answers(reader: Reader) -> dict[str, float]:
    """Um bicho antes do sujeito, o que o treino nunca mostrou: quem leva o verbo?

    São 480 frases "perto de X , Y bem perto de casa ___", X e Y de lemas diferentes.
    Devolve: em que fração a resposta é o verbo do "primeiro" (X) e do "sujeito" (Y).
    """
    pairs = [(x, y) for x in ANIMALS for y in ANIMALS if x.lemma != y.lemma]
    sentences = [
        f"{BOS} perto de {x.text} , {y.text} bem perto de casa {GAP}" for x, y in pairs
    ]
    ids = torch.stack([AGREEMENT_VOCABULARY.encode(text) for text in sentences])
    logits, _ = reader(ids, torch.full((len(ids),), ids.shape[1]))
    answers = [VERBS[i] for i in logits.argmax(-1)]
    hits = {"primeiro": 0, "sujeito": 0}
    for answer, (x, y) in zip(answers, pairs):
        hits["primeiro"] += answer == verb_of(x.text)
        hits["sujeito"] += answer == verb_of(y.text)
    return {name: count / len(pairs) for name, count in hits.items()}


# --- Um modelo causal: quem prevê o verbo é a linha anterior a ele --------------------


class NextWord(nn.Module):
    """Modelo de língua causal de uma cabeça: em cada linha, prevê a próxima palavra.

    Devolve: logits (B, T, vocabulário), em que a linha t prevê o token t+1, e weights
        (B, T, T).
    """

    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(len(LANGUAGE_VOCABULARY), D_MODEL)
        self.positions = nn.Embedding(LONGEST, D_MODEL)
        self.head = SelfAttention(D_MODEL, causal=True)
        self.readout = nn.Linear(D_MODEL, len(LANGUAGE_VOCABULARY))
        nn.init.normal_(self.tokens.weight, std=STD)
        nn.init.normal_(self.positions.weight, std=STD)

    def forward(self, batch: LanguageBatch) -> tuple[Tensor, Tensor]:
        positions = torch.arange(batch.ids.shape[1])
        x = self.tokens(batch.ids) + self.positions(positions)  # (B, T, D_MODEL)
        output, weights = self.head(x)
        return self.readout(x + output), weights


def next_word_loss(model: NextWord, batch: LanguageBatch) -> Tensor:
    """Entropia cruzada, em nats por token, da próxima palavra."""
    logits, _ = model(batch)
    return F.cross_entropy(logits.flatten(0, 1), batch.targets.flatten())


def trained_next_word(*, seed: int, steps: int = STEPS) -> NextWord:
    """Um ``NextWord`` treinado na língua de ``grammar.language`` (cerca de 2 s)."""
    torch.manual_seed(seed)
    model, data = NextWord(), language(6000, seed=seed)
    batches = random_batches(data, seed)
    train(model, batches, loss_fn=next_word_loss, steps=steps, lr=1e-2, floor=0.0)
    return model


@torch.no_grad()
def subject_by_row(model: NextWord, *, seed: int) -> dict[str, float]:
    """O peso médio no sujeito em duas linhas: a anterior ao verbo e a do verbo."""
    batch = language(N_TEST, seed=1000 + seed)
    _, weights = model(batch)
    sentence = torch.arange(len(batch))
    rows = {"antes do verbo": batch.verb - 1, "verbo": batch.verb}
    return {
        name: weights[sentence, row, batch.subject].mean().item()
        for name, row in rows.items()
    }
