"""Mini-português: frases de resposta conhecida, com a estrutura de cada uma à mão.

Quatro geradores (concordância, fatos, manchete e língua) e a tarefa de indução. Uma
semente manda em tudo: a mesma semente, as mesmas frases. A gramática segue a
norma-padrão; a concordância variável do português falado ("os menino") não é erro,
só não está aqui. Frases em minúsculas, um espaço entre tokens: "perto da casa .".
"""

import difflib
import math
import re
import unicodedata
from dataclasses import dataclass, field, fields
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

# --- As tabelas: todas as palavras, e as chances com que são sorteadas ---------------

PAD, BOS, GAP = "<pad>", "<s>", "___"
FORMS = (("m", "s"), ("f", "s"), ("m", "p"), ("f", "p"))  # gênero, número
CLITICS = ("-o", "-a", "-os", "-as")  # na ordem de FORMS

BEASTS = (  # o substantivo | o que faz | o que vai fazer | o que faz a alguém
    "gato gata gatos gatas | miou miaram | miar | arranhou arranharam",
    "cachorro cachorra cachorros cachorras | latiu latiram | latir | mordeu morderam",
    "menino menina meninos meninas | riu riram | rir | venceu venceram",
    "lobo loba lobos lobas | uivou uivaram | uivar | atacou atacaram",
    "porco porca porcos porcas | grunhiu grunhiram | grunhir | derrubou derrubaram",
    "leão leoa leões leoas | rugiu rugiram | rugir | caçou caçaram",
)
MORE_BEASTS = (  # só nos fatos
    "burro burra burros burras | zurrar",
    "pombo pomba pombos pombas | arrulhar",
    "macaco macaca macacos macacas | guinchar",
    "elefante elefanta elefantes elefantas | barrir",
    "cordeiro cordeira cordeiros cordeiras | balir",
    "bezerro bezerra bezerros bezerras | mugir",
)
THINGS = {
    "m": ("muro muros", "carro carros", "telhado telhados"),
    "f": ("casa casas", "rua ruas", "árvore árvores"),
}
OTHERS = {  # uma linha por lema; 4 formas, na ordem de FORMS, ou 2 (s, p), ou 1
    "artigo": ("o a os as",),
    "contração": ("do da dos das",),
    "pronome": ("ele ela eles elas",),
    "adjetivo": (
        "cansado cansada cansados cansadas",
        "assustado assustada assustados assustadas",
        "quieto quieta quietos quietas",
    ),
    "verbo de ligação": ("estava estavam",),
    "verbo da relativa": ("viu viram", "seguiu seguiram"),
    "verbo depois de “mas”": ("voltou voltaram", "fugiu fugiram"),
    "locução de lugar": ("perto", "longe", "atrás", "diante"),
    "advérbio de tempo": ("hoje", "ontem", "cedo"),
    "advérbio de lugar": ("ali", "lá"),
    "advérbio": ("logo", "enfim", "também"),
    "“que”": ("que",),  # entre aspas: a categoria que é uma palavra só
    "“mas”": ("mas",),
    "vírgula": (",",),
    "ponto final": (".",),
}

# Concordância: G1 e G2 de ``agreement``, e a versão vazada que a aula 1 desmascara.
G1 = {"animate": 0.0, "relative": 0.0}
G2 = {"animate": 0.6, "relative": 0.3}
LEAKY = {"animate": 0.0, "relative": 0.0, "articles": True, "estava": True}
P_PREFIX, P_BEM = 0.5, 0.25

# Língua: a cada profundidade, quantos modificadores cabem e a chance de mais um.
MODIFIERS = ((2, 0.5), (1, 0.2), (0, 0.0))
P_ADVERB, P_PHRASE, P_ANIMATE, P_VERB, P_CODA = 0.4, 0.6, 0.4, 0.5, 0.3

PERIODS = (6, 14)  # indução: o menor e o maior bloco


class Word(NamedTuple):
    """O que um dicionário diria da palavra; "" onde ela não varia."""

    text: str
    category: str
    lemma: str
    gender: str = ""
    number: str = ""


def _inflect(category: str, forms: str, lemma: str = "", gender: str = ""):
    texts = forms.split()
    features = {4: FORMS, 2: [(gender, "s"), (gender, "p")], 1: [("", "")]}[len(texts)]
    for text, feature in zip(texts, features, strict=True):
        yield Word(text, category, lemma or texts[0], *feature)


def _lexicon():
    kinds = ("bicho", "verbo", "infinitivo", "ataque"), ("outro bicho", "infinitivo")
    for rows, categories in zip((BEASTS, MORE_BEASTS), kinds, strict=True):
        for row in rows:
            lemma = row.split()[0]
            for category, forms in zip(categories, row.split(" | "), strict=True):
                yield from _inflect(category, forms, lemma)
    for gender, rows in THINGS.items():
        for forms in rows:
            yield from _inflect("coisa", forms, gender=gender)
    for category, rows in OTHERS.items():
        for forms in rows:
            yield from _inflect(category, forms)


LEXICON = {word.text: word for word in _lexicon()}


@cache
def select(*categories: str, like: Word | None = None, lemma: str = ""):
    """As palavras das categorias; ``like`` exige o gênero e o número dessa palavra.

    >>> [word.text for word in select("artigo", like=LEXICON["lobas"])]
    ['as']
    """

    def agrees(mine: str, its: str) -> bool:
        return not mine or not its or mine == its

    return tuple(
        word
        for category in categories
        for word in LEXICON.values()
        if word.category == category
        and (not lemma or word.lemma == lemma)
        and (not like or agrees(word.gender, like.gender))
        and (not like or agrees(word.number, like.number))
    )


@cache
def _texts(*categories: str, **features) -> tuple[str, ...]:
    return tuple(word.text for word in select(*categories, **features))


# --- O vocabulário --------------------------------------------------------------------


def split_words(sentence: str | list[str]) -> list[str]:
    """Reparte uma frase digitada em tokens: minúsculas, pontuação à parte.

    sentence: texto (maiúsculas e espaços a mais não atrapalham) ou lista de palavras
    Devolve: lista de tokens.
    Erro: TypeError se não é texto nem lista de textos.

    >>> split_words("  As gatas, o lobo: quem vai uivar? ")
    ['as', 'gatas', ',', 'o', 'lobo', ':', 'quem', 'vai', 'uivar', '?']
    """
    if isinstance(sentence, str):
        text = unicodedata.normalize("NFC", sentence).lower()
        return re.findall(r"<\w+>|\w+|[^\w\s]", text)
    if not hasattr(sentence, "__iter__"):
        veio = type(sentence).__name__
        raise TypeError(
            f"a frase deve ser um texto ou uma lista de palavras, mas veio {veio}."
        )
    words = list(sentence)
    for word in words:
        if not isinstance(word, str):
            raise TypeError(
                "a frase deve ser um texto ou uma lista de palavras, mas veio "
                f"{word!r} ({type(word).__name__}) na lista."
            )
    return [unicodedata.normalize("NFC", word).lower() for word in words]


class Vocabulary:
    """A lista de palavras que um modelo conhece: a posição na lista é o id.

    >>> vocabulary = Vocabulary(["<pad>", "o", "lobo", "uivou"])
    >>> vocabulary.encode("O lobo uivou")
    tensor([1, 2, 3])
    >>> vocabulary.decode([1, 2, 3, 0])
    'o lobo uivou'
    """

    def __init__(self, *lists) -> None:
        self.words = tuple(word for words in lists for word in words)
        self.ids = {word: i for i, word in enumerate(self.words)}
        if len(self.ids) < len(self.words):
            repeated = sorted(w for w in self.ids if self.words.count(w) > 1)
            raise ValueError(f"palavras repetidas no vocabulário: {repeated}.")

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self.ids

    def unknown(self, word: str) -> str:
        """A mensagem de erro de uma palavra de fora, com até 3 palavras parecidas."""
        word = word if len(word) <= 40 else word[:39] + "…"  # colaram um texto?
        near = difflib.get_close_matches(word, self.words, n=3, cutoff=0.6)
        hint = f" Parecidas: {', '.join(near)}." if near else ""
        return (
            f"a palavra {word!r} não está no vocabulário ({len(self)} palavras).{hint}"
        )

    def encode(self, sentence: str | list[str]) -> Tensor:
        """Palavras viram ids.

        sentence: texto, repartido por ``split_words``, ou lista de palavras
        Devolve: (T,), inteiros. A pontuação que o vocabulário não tem não entra.
        Erro: ValueError se a frase é vazia ou se uma palavra é desconhecida.
        """
        words = split_words(sentence)
        known = [
            w for w in words if w in self.ids or any(c.isalnum() or c == "_" for c in w)
        ]
        if not known:
            veio = sentence if isinstance(sentence, str) else " ".join(sentence)
            raise ValueError(f"a frase “{veio}” não tem palavra nenhuma.")
        for word in known:
            if word not in self.ids:
                raise ValueError(self.unknown(word))
        return torch.tensor([self.ids[word] for word in known])

    def decode(self, ids) -> str:
        """Ids viram palavras; o padding não aparece.

        ids: (T,), tensor ou lista de inteiros
        Devolve: o texto, com um espaço entre tokens.
        Erro: TypeError se não são inteiros; ValueError se vazio, fora da faixa ou
            com mais de um eixo.
        """
        ids = torch.as_tensor(ids)
        if ids.dim() != 1 or not len(ids):
            forma = tuple(ids.shape)
            raise ValueError(f"ids deve ter a forma (T,), com T ≥ 1, mas veio {forma}.")
        if ids.dtype.is_floating_point or ids.dtype == torch.bool:
            raise TypeError(f"ids deve ter inteiros, mas veio {ids.dtype}.")
        for position, i in enumerate(ids.tolist()):
            if not 0 <= i < len(self):
                raise ValueError(
                    f"o id {i}, na posição {position}, está fora de 0..{len(self) - 1}."
                )
        return " ".join(w for w in (self.words[i] for i in ids) if w != PAD)


_PHRASES = ("bicho", "coisa", "locução de lugar", "vírgula", "advérbio de tempo")
_AGREEING = ("artigo", "contração", "verbo", "verbo de ligação", "verbo da relativa")
_LAST = ("adjetivo", "pronome", "verbo depois de “mas”", "“mas”", "ponto final")

AGREEMENT_VOCABULARY = Vocabulary(
    [PAD, BOS, GAP, "de", "bem", "que"],
    _texts(*_PHRASES, *_AGREEING, "advérbio", "advérbio de lugar"),
)
FACTS_VOCABULARY = Vocabulary(
    [PAD, BOS, ",", ":", "quem", "vai"],
    _texts("bicho", "outro bicho", "artigo", "infinitivo"),
)
HEADLINE_VOCABULARY = Vocabulary(
    [PAD, BOS, GAP, ":", "de", "contra"], _texts(*_PHRASES)
)
LANGUAGE_VOCABULARY = Vocabulary(
    [PAD, BOS, "que"], _texts(*_PHRASES, *_AGREEING, *_LAST)
)
INDUCTION_VOCABULARY = Vocabulary(_texts("bicho", "coisa", "locução de lugar"))  # 40


# --- Sorteios e batches ---------------------------------------------------------------


class Draws:
    """Os sorteios, todos de um ``torch.Generator`` só (ou de uma semente)."""

    def __init__(self, seed: int | torch.Generator) -> None:
        if isinstance(seed, int):
            seed = torch.Generator().manual_seed(seed)
        if not isinstance(seed, torch.Generator):
            veio = type(seed).__name__
            raise TypeError(f"seed deve ser int ou torch.Generator, mas veio {veio}.")
        self.generator = seed
        self.numbers = self._numbers()

    def _numbers(self):
        while True:  # em blocos: sortear um número por vez seria lento
            block = torch.rand(4096, generator=self.generator, dtype=torch.float64)
            yield from block.tolist()

    def chance(self, p: float) -> bool:
        return next(self.numbers) < p

    def pick(self, options):
        return options[int(next(self.numbers) * len(options))]

    def weighted(self, options: dict[str, tuple[float, "State"]]) -> str:
        left = next(self.numbers)
        for word, (p, _) in options.items():
            left -= p
            if left < 0:
                return word
        return word  # o arredondamento das chances deixou uma sobra

    def shuffle(self, options) -> list:
        return sorted(options, key=lambda _: next(self.numbers))


@dataclass
class Sentence:
    """Uma frase e a sua estrutura: posições contadas em ``words``, a partir de 0."""

    words: list[str] = field(default_factory=lambda: [BOS])
    subject: int = -1
    animate: list[int] = field(default_factory=list)  # atratores animados
    inanimate: list[int] = field(default_factory=list)  # atratores inanimados
    answer: str = ""  # a palavra certa na última posição

    def add(self, *words: str) -> int:
        self.words += words
        return len(self.words) - 1

    def add_attractor(self, noun: Word) -> None:
        positions = self.inanimate if noun.category == "coisa" else self.animate
        positions.append(self.add(noun.text))


class Rows:
    """Um dataclass de tensores com B linhas: ``batch[linhas]`` fica só com elas."""

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows):
        one = isinstance(rows, int) or getattr(rows, "ndim", 1) == 0
        rows = torch.as_tensor([int(rows)]) if one else rows
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        picked = {k: v[rows] for k, v in values.items() if isinstance(v, Tensor)}
        return type(self)(**(values | picked))


@dataclass(frozen=True)
class Batch(Rows):
    """Frases como tensores; ``batch[linhas]`` é o batch com essas linhas só."""

    vocabulary: Vocabulary
    choices: tuple[str, ...]  # as respostas possíveis, C
    ids: Tensor  # (B, T), padding à direita com id 0
    lengths: Tensor  # (B,)
    answer: Tensor  # (B,), índice em choices
    subject: Tensor  # (B,), posição da palavra que decide a resposta
    animate: Tensor  # (B, T), bool: os outros substantivos animados
    inanimate: Tensor  # (B, T), bool: os substantivos inanimados

    @property
    def query(self) -> Tensor:
        """(B,): a posição que pergunta, o último token da frase."""
        return self.lengths - 1

    @property
    def distance(self) -> Tensor:
        """(B,): quantos tokens há entre o sujeito e a posição que pergunta."""
        return self.query - self.subject - 1

    @property
    def attractors(self) -> Tensor:
        """(B, T), bool: todo substantivo que não decide a resposta."""
        return self.animate | self.inanimate

    def text(self, i: int) -> str:
        return self.vocabulary.decode(self.ids[i])

    def answer_text(self, i: int) -> str:
        return self.choices[self.answer[i]]


@dataclass(frozen=True)
class HeadlineBatch(Batch):
    """O batch da manchete, com a segunda relação: o adversário e o pronome dele."""

    opponent: Tensor  # (B,), posição do substantivo depois de "contra"
    clitic: Tensor  # (B,), índice em CLITICS

    def answer_text(self, i: int) -> str:
        return join_clitic(super().answer_text(i), CLITICS[self.clitic[i]])


def _pad(rows: list[list[int]], value: int = 0) -> Tensor:
    T = max(map(len, rows))
    return torch.tensor([row + [value] * (T - len(row)) for row in rows])


def _mask(positions: list[list[int]], shape) -> Tensor:
    mask = torch.zeros(shape, dtype=torch.bool)
    pairs = [(row, p) for row, ps in enumerate(positions) for p in ps]
    rows, columns = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2).T
    mask[rows, columns] = True
    return mask


def _collate(vocabulary: Vocabulary, choices: list[str], sentences: list[Sentence]):
    """Os campos de ``Batch``, a partir das frases."""
    ids = _pad([[vocabulary.ids[w] for w in s.words] for s in sentences])  # (B, T)
    index = {word: i for i, word in enumerate(choices)}
    return {
        "vocabulary": vocabulary,
        "choices": tuple(choices),
        "ids": ids,
        "lengths": torch.tensor([len(s.words) for s in sentences]),
        "answer": torch.tensor([index[s.answer] for s in sentences]),
        "subject": torch.tensor([s.subject for s in sentences]),
        "animate": _mask([s.animate for s in sentences], ids.shape),
        "inanimate": _mask([s.inanimate for s in sentences], ids.shape),
    }


def _check_counts(name: str, values, low: int, high: float = math.inf) -> list[int]:
    """Um inteiro ou vários, todos entre low e high."""
    values = list(values) if isinstance(values, list | tuple | range) else [values]
    for value in values or [None]:
        if not isinstance(value, int) or not low <= value <= high:
            limits = f"de {low} a {high}" if high < math.inf else f"{low} ou mais"
            raise ValueError(f"{name} deve ser inteiro, {limits}, mas veio {value}.")
    return values


def _check_chances(**chances: float) -> None:
    for name, p in chances.items():
        if not isinstance(p, int | float) or not 0 <= p <= 1:
            raise ValueError(f"{name} é uma chance, de 0 a 1, mas veio {p!r}.")


# --- Concordância à distância, fatos e manchete ---------------------------------------


def _add_phrase(s: Sentence, draw: Draws, animate: float, articles: bool) -> None:
    """Locução de 3 tokens: "perto da casa", ou "perto de casa"."""
    noun = draw.pick(select("bicho" if draw.chance(animate) else "coisa"))
    s.add(draw.pick(_texts("locução de lugar")))
    s.add(*_texts("contração", like=noun) if articles else ["de"])
    s.add_attractor(noun)


def _add_prefix(s: Sentence, draw: Draws, articles: bool) -> None:
    if not draw.chance(P_PREFIX):
        return
    if draw.chance(0.5):
        s.add(draw.pick(_texts("advérbio de tempo")))
    else:
        _add_phrase(s, draw, 0.0, articles)
    s.add(",")


def _add_modifiers(s, draw, distance, animate, relative, articles, copula) -> None:
    """Preenche exatamente ``distance`` tokens entre o sujeito e a lacuna."""
    end = len(s.words) + distance
    if copula:
        s.add("que", *copula)
    while (room := end - len(s.words)) >= 3:
        if not copula and room >= 3 + articles and draw.chance(relative):
            noun = draw.pick(select("bicho"))
            s.add("que", *(_texts("artigo", like=noun) if articles else []))
            s.add_attractor(noun)
            s.add(draw.pick(_texts("verbo da relativa", like=noun)))
        else:
            if room >= 4 and draw.chance(P_BEM):
                s.add("bem")
            _add_phrase(s, draw, animate, articles)
        copula = []  # só a primeira peça depois de "que estava" não pode ser relativa
    if room == 2:
        s.add(draw.pick(_texts("advérbio de lugar")))
    if room >= 1:
        s.add(draw.pick(_texts("advérbio")))


def agreement(
    n: int,
    distance,
    *,
    animate: float = G2["animate"],
    relative: float = G2["relative"],
    articles: bool = False,
    estava: bool = False,
    seed: int | torch.Generator = 0,
) -> Batch:
    """Concordância: na lacuna ___, qual é o verbo do sujeito, e em que número?

    São 12 respostas (6 bichos, cada um com um verbo só seu, em 2 números): quem chuta
    acerta 1/12. Em estilo de manchete, sem artigos, e com os mesmos substantivos nos
    dois papéis (o padrão, ``**G2``), nenhuma outra palavra informa a resposta.
    ``**LEAKY`` é a versão malfeita: o artigo e *estava/estavam* entregam o número, e
    os inanimados, que nunca são sujeito, entregam o bicho por exclusão.

    n: quantas frases (B)
    distance: tokens entre o sujeito e a lacuna, exatos; inteiro, ou vários, e então
        cada frase sorteia um deles
    animate: chance de o substantivo de uma locução ser animado; ``**G1`` põe 0
    relative: chance de a próxima peça ser uma relativa ("que lobos viram")
    articles: com artigos e contrações ("os lobos perto da casa")
    estava: o recheio começa por "que estava(m)", se couber (distance ≥ 4)
    seed: inteiro ou ``torch.Generator``
    Devolve: ``Batch``; a lacuna é o último token, e choices tem as 12 formas verbais.
    Erro: ValueError se n < 1, distance < 0 ou uma chance sai de 0..1.
    Fonte: a tarefa é a de Linzen et al., 2016 (arXiv 1611.01368).

    >>> batch = agreement(3, distance=6, seed=1)
    >>> batch.text(0), batch.answer_text(0)
    ('<s> hoje , gata que meninas seguiram longe de lobo ___', 'miou')
    """
    _check_counts("n", [n], 1)
    distances = _check_counts("distance", distance, 0)
    _check_chances(animate=animate, relative=relative)
    draw = Draws(seed)
    sentences = []
    for _ in range(n):
        s, noun = Sentence(), draw.pick(select("bicho"))
        _add_prefix(s, draw, articles)
        s.add(*(_texts("artigo", like=noun) if articles else []))
        s.subject = s.add(noun.text)
        d = draw.pick(distances)
        copula = _texts("verbo de ligação", like=noun) if estava and d >= 4 else []
        _add_modifiers(s, draw, d, animate, relative, articles, copula)
        s.add(GAP)
        (s.answer,) = _texts("verbo", like=noun, lemma=noun.lemma)
        sentences.append(s)
    return Batch(**_collate(AGREEMENT_VOCABULARY, _texts("verbo"), sentences))


def facts(n: int, k, *, seed: int | torch.Generator = 0) -> Batch:
    """Fatos a lembrar: "as gatas , o lobo : quem vai uivar" pede "lobo".

    Cada fato é um bicho (12 lemas, sem repetir) em uma de 4 formas; o verbo diz o lema,
    e a forma só está na frase: quem a chuta acerta 1/4. Não há "?": o último token é o
    verbo, que faz a pergunta.

    n: quantas frases (B)
    k: quantos fatos, de 1 a 12; inteiro, ou vários, e então cada frase sorteia um
    seed: inteiro ou ``torch.Generator``
    Devolve: ``Batch``; choices tem as 48 formas; subject é a posição da certa.
    Erro: ValueError se n < 1 ou k sai de 1..12.

    >>> batch = facts(2, k=3, seed=0)
    >>> batch.text(0), batch.answer_text(0)
    ('<s> a elefanta , a porca , a pomba : quem vai arrulhar', 'pomba')
    """
    _check_counts("n", [n], 1)
    infinitives = select("infinitivo")  # um por lema
    counts = _check_counts("k", k, 1, len(infinitives))
    draw = Draws(seed)
    sentences = []
    for _ in range(n):
        s, count = Sentence(), draw.pick(counts)
        asked = draw.pick(range(count))
        for i, verb in enumerate(draw.shuffle(infinitives)[:count]):
            noun = draw.pick(select("bicho", "outro bicho", lemma=verb.lemma))
            s.add(*([","] if i else []), *_texts("artigo", like=noun))
            if i == asked:
                s.subject, s.answer, question = s.add(noun.text), noun.text, verb.text
            else:
                s.add_attractor(noun)
        s.add(":", "quem", "vai", question)
        sentences.append(s)
    forms = _texts("bicho", "outro bicho")
    return Batch(**_collate(FACTS_VOCABULARY, forms, sentences))


def join_clitic(verb: str, clitic: str) -> str:
    """Junta verbo e pronome; depois de som nasal, o pronome ganha n.

    >>> join_clitic("atacou", "-os"), join_clitic("atacaram", "-os")
    ('atacou-os', 'atacaram-nos')
    """
    return verb + (clitic.replace("-", "-n") if verb.endswith("m") else clitic)


def headline(n: int, *, seed: int | torch.Generator = 0) -> HeadlineBatch:
    """Manchete: duas relações numa lacuna só, "loba contra gatos : atacou-os".

    O verbo (6 bichos × 2 números: 12) vem do primeiro substantivo; o pronome (-o, -a,
    -os, -as: 4) vem do que segue "contra". Sem artigos, e um não informa o outro: quem
    chuta os dois acerta 1/48. As locuções da primeira metade trazem atratores animados
    (chance 0,6); as da segunda, só inanimados.

    n: quantas frases (B)
    seed: inteiro ou ``torch.Generator``
    Devolve: ``HeadlineBatch``; answer (B,) é o verbo, e clitic (B,), o pronome.
    Erro: ValueError se n < 1.

    >>> batch = headline(2, seed=0)
    >>> batch.text(0), batch.answer_text(0)
    ('<s> perto de ruas , leoas longe de cachorros contra porco : ___', 'caçaram-no')
    """
    _check_counts("n", [n], 1)
    draw = Draws(seed)
    sentences, opponents, clitics = [], [], []
    for _ in range(n):
        s, noun, rival = Sentence(), *(draw.pick(select("bicho")) for _ in range(2))
        _add_prefix(s, draw, articles=False)
        s.subject = s.add(noun.text)
        for _ in range(draw.pick(range(3))):
            _add_phrase(s, draw, G2["animate"], articles=False)
        s.add("contra")
        s.add_attractor(rival)
        opponents.append(len(s.words) - 1)
        for _ in range(draw.pick(range(3))):
            _add_phrase(s, draw, 0.0, articles=False)
        s.add(":", GAP)
        (s.answer,) = _texts("ataque", like=noun, lemma=noun.lemma)
        clitics.append(FORMS.index((rival.gender, rival.number)))
        sentences.append(s)
    parts = _collate(HEADLINE_VOCABULARY, _texts("ataque"), sentences)
    return HeadlineBatch(
        **parts, opponent=torch.tensor(opponents), clitic=torch.tensor(clitics)
    )


# --- A língua: uma gramática com recursão e entropia exata ----------------------------
#
# frase  → [advérbio ","] sujeito predicado [", mas" pronome fugiu|voltou] "."
# grupo  → artigo bicho modificador*        (o sujeito é um grupo, profundidade 0)
# modificador → locução | "que" grupo viu|seguiu          (aqui está a recursão)
# predicado   → o verbo do sujeito | estava adjetivo
#
# Lida da esquerda para a direita, a próxima palavra decide sozinha a regra: a gramática
# não é ambígua, e um estado (posição na regra, grupos abertos) dá as chances da próxima
# palavra. O gerador, o reconhecedor, a probabilidade e a entropia saem todos dali.


class State(NamedTuple):
    """Onde a frase está: a regra, os grupos abertos e a palavra com que concordar."""

    rule: str
    groups: tuple = ()  # por grupo: a palavra que manda no verbo, e os modificadores
    agree: Word | None = None


START, END = State("start"), State("end")


def _spread(p: float, options, after) -> dict[str, tuple[float, State]]:
    """Reparte a chance p por igual entre as palavras; after dá o estado depois de cada.

    after: um estado, ou uma função da palavra
    """
    each = p / len(options)
    return {w.text: (each, after(w) if callable(after) else after) for w in options}


def _after_modifier(groups) -> State:
    *outer, (head, count) = groups
    return State("modifiers", (*outer, (head, count + 1)))


@cache
def _next(state: State) -> dict[str, tuple[float, State]]:
    """As próximas palavras possíveis: para cada uma, a chance e o estado seguinte."""
    rule, groups, agree = state
    subject, depth = groups[0][0] if groups else None, len(groups) - 1

    def noun_of(rule):
        return lambda word: State(rule, groups, word)

    def open_group(noun):  # de um grupo encaixado só importa o número
        head = noun if depth < 0 else Word("", "", "", number=noun.number)
        return State("modifiers", (*groups, (head, 0)))

    match rule:
        case "start":
            adverbs = _spread(P_ADVERB, select("advérbio de tempo"), State("adverb"))
            return adverbs | _spread(1 - P_ADVERB, select("artigo"), noun_of("noun"))
        case "adverb":
            return _spread(1, select("vírgula"), State("group"))
        case "group":
            return _spread(1, select("artigo"), noun_of("noun"))
        case "noun":
            return _spread(1, select("bicho", like=agree), open_group)
        case "modifiers":
            (head, count), (limit, p) = groups[-1], MODIFIERS[depth]
            p = p if count < limit else 0.0
            options = {}
            if p:
                phrase, que = State("phrase", groups), State("group", groups)
                options |= _spread(p * P_PHRASE, select("locução de lugar"), phrase)
                options |= _spread(p * (1 - P_PHRASE), select("“que”"), que)
            if depth:
                after = _after_modifier(groups[:-1])
                verbs = select("verbo da relativa", like=head)
                return options | _spread(1 - p, verbs, after)
            verb = select("verbo", like=head, lemma=head.lemma)
            copula = select("verbo de ligação", like=head)
            options |= _spread((1 - p) * P_VERB, verb, State("coda", groups))
            return options | _spread(
                (1 - p) * (1 - P_VERB), copula, State("adjective", groups)
            )
        case "phrase":
            return _spread(1, select("contração"), noun_of("phrase noun"))
        case "phrase noun":
            after = _after_modifier(groups)
            beasts, things = (select(c, like=agree) for c in ("bicho", "coisa"))
            things = _spread(1 - P_ANIMATE, things, after)
            return _spread(P_ANIMATE, beasts, after) | things
        case "adjective":
            return _spread(1, select("adjetivo", like=subject), State("coda", groups))
        case "coda":
            comma = _spread(P_CODA, select("vírgula"), State("mas", groups))
            return _spread(1 - P_CODA, select("ponto final"), END) | comma
        case "mas":
            return _spread(1, select("“mas”"), State("pronoun", groups))
        case "pronoun":
            return _spread(1, select("pronome", like=subject), State("left", groups))
        case "left":
            left = select("verbo depois de “mas”", like=subject)
            return _spread(1, left, State("stop"))
        case "stop":
            return _spread(1, select("ponto final"), END)
    return {}  # END


class Entropy(NamedTuple):
    """A incerteza da gramática; por token é a perda que o melhor modelo atinge."""

    per_sentence: float  # nats
    tokens: float  # por frase, em média
    per_token: float  # nats


@cache
def _entropy_and_tokens(state: State) -> tuple[float, float]:
    """Do estado até o fim da frase: entropia (nats) e número esperado de tokens."""
    entropy = tokens = 0.0
    for p, after in _next(state).values():
        rest_entropy, rest_tokens = _entropy_and_tokens(after)
        entropy += p * (rest_entropy - math.log(p))
        tokens += p * (rest_tokens + 1)
    return entropy, tokens


def language_entropy() -> Entropy:
    """A entropia exata da língua, pela regra da cadeia sobre os estados da gramática.

    Contam como tokens as palavras, as vírgulas e o ponto final, que encerra a frase;
    ``<s>`` não conta, porque é dado. Por token: entropia por frase sobre tokens por
    frase, que é para onde vai a perda média por token de muitas frases.

    Devolve: ``Entropy``, em nats.
    Fonte: Cover e Thomas, Elements of Information Theory, teorema 2.5.1.

    >>> print("{:.3f} nats, {:.3f} tokens, {:.4f}".format(*language_entropy()))
    11.684 nats, 9.254 tokens, 1.2626
    """
    entropy, tokens = _entropy_and_tokens(START)
    return Entropy(entropy, tokens, entropy / tokens)


def log_prob(sentence: str | list[str]) -> float:
    """O logaritmo (nats) da probabilidade exata de uma frase, do início ao ponto final.

    sentence: texto ou lista de palavras, sem ``<s>``
    Devolve: número ≤ 0; −inf se a frase não é da gramática.
    Erro: TypeError se não é texto nem lista de textos.

    >>> round(log_prob("o gato miou ."), 4)
    -5.4318
    """
    total, state = 0.0, START
    for word in split_words(sentence):
        p, state = _next(state).get(word, (0.0, END))
        if not p:
            return -math.inf
        total += math.log(p)
    return total if state == END else -math.inf


class Verdict(NamedTuple):
    """Vale como bool; impresso, diz por que a frase foi recusada."""

    ok: bool
    reason: str = "é uma frase da gramática"
    position: int | None = None  # da primeira palavra errada, a partir de 0

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return self.reason


NAMES = {"m": "masculino", "f": "feminino", "s": "singular", "p": "plural"}


def _categories(words) -> str:
    return " ou ".join(dict.fromkeys(LEXICON[word].category for word in words))


def _why_not(word: str, expected: list[str], controller: str) -> str:
    """Por que word não cabe onde a gramática esperava uma das palavras expected."""
    if word not in LANGUAGE_VOCABULARY:
        return LANGUAGE_VOCABULARY.unknown(word)
    if not expected:
        return "depois do ponto final não vem mais nada"
    if word not in LEXICON:
        return f"esperava {_categories(expected)}, mas veio um símbolo especial"
    entry = LEXICON[word]
    rivals = [e for e in expected if LEXICON[e].category == entry.category]
    if not rivals:
        return f"esperava {_categories(expected)}, mas veio {entry.category}"
    options = " ou ".join(f"'{e}'" for e in rivals)
    by = f" de '{controller}'" if controller else ""
    for feature, what in (("number", "número"), ("gender", "gênero")):
        have = getattr(entry, feature)
        want = getattr(LEXICON[rivals[0]], feature)
        if have != want:  # os rivais concordam todos entre si
            clash = f"está no {NAMES[have]}, mas o {what}{by} é {NAMES[want]}"
            return f"{clash}; esperava {options}"
    return f"não combina com '{controller}'; esperava {options}"


def is_grammatical(sentence: str | list[str]) -> Verdict:
    """Diz se a frase é da língua; se não é, qual a primeira palavra errada e por quê.

    sentence: texto ou lista de palavras, sem ``<s>``
    Devolve: ``Verdict``, que vale como bool e se imprime como a razão. Nas mensagens as
        palavras se contam a partir de 1.
    Erro: TypeError se não é texto nem lista de textos.

    >>> bool(is_grammatical("os gatos que a loba viu miaram ."))
    True
    >>> print(is_grammatical("a gata miaram ."))  # doctest: +ELLIPSIS
    palavra 3 ('miaram'): está no plural, mas o número de 'gata' é singular; ...
    """
    words = split_words(sentence)
    state, heads = START, []  # heads: os núcleos dos grupos abertos
    for i, word in enumerate(words):
        options = _next(state)
        if word not in options:
            # o artigo e a contração mandam no substantivo; o núcleo, no resto
            noun_next = state.rule in ("noun", "phrase noun")
            controller = words[i - 1] if noun_next else heads[-1] if heads else ""
            why = _why_not(word, list(options), controller)
            return Verdict(False, f"palavra {i + 1} ('{word}'): {why}", i)
        _, after = options[word]
        if len(after.groups) > len(state.groups):
            heads.append(word)
        elif len(after.groups) < len(state.groups):
            heads.pop()
        state = after
    if state != END:
        wanted = _categories(_next(state))
        n = len(words)
        after = "1 palavra" if n == 1 else f"{n} palavras"
        return Verdict(False, f"parou depois de {after}, e faltava {wanted}", n)
    return Verdict(True)


def first_sentence(text: str) -> list[str]:
    """Do texto que um modelo gerou, a primeira frase: sem ``<s>``, até o ponto final.

    >>> first_sentence("<s> o gato miou . o miou")
    ['o', 'gato', 'miou', '.']
    """
    words = [word for word in split_words(text) if word != BOS]
    return words[: words.index(".") + 1] if "." in words else words


@dataclass(frozen=True)
class LanguageBatch(Rows):
    """Frases para um modelo de língua: em cada posição, o alvo é a próxima palavra."""

    ids: Tensor  # (B, T): <s> e as palavras, sem o ponto; padding à direita, id 0
    targets: Tensor  # (B, T): as palavras, com o ponto; -100 no padding
    lengths: Tensor  # (B,): quantos tokens há a prever, o ponto final entre eles
    subject: Tensor  # (B,): posição, em ids, do núcleo do sujeito
    verb: Tensor  # (B,): posição do verbo do predicado; quem o prevê é a linha anterior
    attractors: Tensor  # (B, T), bool: os outros substantivos, todos antes do verbo

    def words(self, i: int) -> list[str]:
        """A frase i, do primeiro token ao ponto final, sem ``<s>``."""
        ids = self.targets[i, : self.lengths[i]].tolist()
        return [LANGUAGE_VOCABULARY.words[j] for j in ids]


def language(n: int, *, seed: int | torch.Generator = 0) -> LanguageBatch:
    """Frases da língua, uma por linha, prontas para treinar um modelo causal.

    n: quantas frases (B)
    seed: inteiro ou ``torch.Generator``
    Devolve: ``LanguageBatch``; a perda média dos alvos que não são -100 se compara com
        ``language_entropy().per_token``.
    Erro: ValueError se n < 1.

    >>> " ".join(language(1, seed=0).words(0))
    'as porcas que as lobas seguiram atrás da casa grunhiram .'
    """
    _check_counts("n", [n], 1)
    draw = Draws(seed)
    rows, verbs, nouns = [], [], []
    for _ in range(n):
        words, positions, state = [BOS], [], START
        while state != END:
            rule, options = state.rule, _next(state)
            word = draw.weighted(options)
            state = options[word][1]
            if rule in ("noun", "phrase noun"):
                positions.append(len(words))
            elif rule == "modifiers" and state.rule in ("coda", "adjective"):
                verb = len(words)
            words.append(word)
        rows.append([LANGUAGE_VOCABULARY.ids[word] for word in words])
        nouns.append(positions)
        verbs.append(verb)
    ids = _pad([row[:-1] for row in rows])  # (B, T)
    return LanguageBatch(
        ids=ids,
        targets=_pad([row[1:] for row in rows], value=-100),
        lengths=torch.tensor([len(row) - 1 for row in rows]),
        subject=torch.tensor([positions[0] for positions in nouns]),
        verb=torch.tensor(verbs),
        attractors=_mask([positions[1:] for positions in nouns], ids.shape),
    )


# --- Indução --------------------------------------------------------------------------


@dataclass(frozen=True)
class InductionBatch(Rows):
    """Sequências com um bloco repetido; só se cobra o que a repetição deixa prever."""

    ids: Tensor  # (B, T)
    targets: Tensor  # (B, T): o próximo token, dentro da segunda cópia; -100 no resto
    start: Tensor  # (B,): onde começa a primeira cópia
    period: Tensor  # (B,): o tamanho do bloco; a segunda cópia começa em start + period


def induction(
    n: int, *, T: int = 32, seed: int | torch.Generator = 0
) -> InductionBatch:
    """Indução: um bloco de palavras distintas aparece duas vezes; preveja a segunda.

    O bloco tem de 6 a 14 palavras e o começo é sorteado, de modo que olhar a uma
    distância fixa não resolve: é preciso achar a palavra atual na primeira cópia e
    copiar a que veio depois. Fora da segunda cópia, nenhuma palavra se repete. A
    primeira palavra da segunda cópia não tem como ser prevista, e não é cobrada.

    n: quantas sequências (B)
    T: tokens por sequência, de 28 a 40
    seed: inteiro ou ``torch.Generator``
    Devolve: ``InductionBatch``, no vocabulário ``INDUCTION_VOCABULARY`` (40 palavras).
    Erro: ValueError se n < 1 ou se T sai de 28..40.
    Fonte: Olsson et al., 2022 (arXiv 2209.11895).

    >>> batch = induction(2, seed=0)
    >>> batch.start.tolist(), batch.period.tolist()
    ([9, 0], [11, 14])
    """
    low, high = PERIODS
    _check_counts("n", [n], 1)
    _check_counts("T", [T], 2 * high, len(INDUCTION_VOCABULARY))
    generator = Draws(seed).generator
    shuffled = torch.rand(n, len(INDUCTION_VOCABULARY), generator=generator).argsort(-1)
    period = torch.randint(low, high + 1, (n,), generator=generator)
    start = torch.rand(n, generator=generator) * (T - 2 * period + 1)
    start = start.long()
    positions = torch.arange(T).expand(n, T)
    second = (start + period)[:, None]  # (B, 1)
    copied = (positions >= second) & (positions < second + period[:, None])
    source = torch.where(copied, positions - period[:, None], positions)
    ids = shuffled.gather(1, source)  # (B, T)
    targets = torch.full((n, T), -100)
    asked = copied[:, 1:] & (positions[:, 1:] > second)
    targets[:, :-1] = torch.where(asked, ids[:, 1:], -100)
    return InductionBatch(ids, targets, start, period)
