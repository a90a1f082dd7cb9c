"""Mini-português: frases certas, sem pistas, e números exatos."""

import itertools
import math
import re
import unicodedata

import numpy as np
import pytest
import torch

from attention_lab import grammar
from attention_lab.grammar import (
    AGREEMENT_VOCABULARY,
    CLITICS,
    FACTS_VOCABULARY,
    G1,
    G2,
    HEADLINE_VOCABULARY,
    INDUCTION_VOCABULARY,
    LANGUAGE_VOCABULARY,
    LEAKY,
    LEXICON,
    Vocabulary,
    agreement,
    facts,
    first_sentence,
    headline,
    induction,
    is_grammatical,
    join_clitic,
    language,
    language_entropy,
    log_prob,
)

VOCABULARIES = {
    "concordância": AGREEMENT_VOCABULARY,
    "fatos": FACTS_VOCABULARY,
    "manchete": HEADLINE_VOCABULARY,
    "língua": LANGUAGE_VOCABULARY,
    "indução": INDUCTION_VOCABULARY,
}
GENERATORS = {
    "G1": lambda n, seed: agreement(n, range(9), seed=seed, **G1),
    "G2": lambda n, seed: agreement(n, range(9), seed=seed, **G2),
    "G2 com artigos": lambda n, seed: agreement(
        n, range(9), seed=seed, articles=True, **G2
    ),
    "vazada": lambda n, seed: agreement(n, range(9), seed=seed, **LEAKY),
    "fatos": lambda n, seed: facts(n, range(1, 13), seed=seed),
    "manchete": lambda n, seed: headline(n, seed=seed),
    "língua": lambda n, seed: language(n, seed=seed),
    "indução": lambda n, seed: induction(n, seed=seed),
}
WITH_ANSWER = [name for name in GENERATORS if name not in ("língua", "indução")]


def words_of(batch, i):
    return [batch.vocabulary.words[j] for j in batch.ids[i, : batch.lengths[i]]]


# --- Vocabulário ----------------------------------------------------------------------


@pytest.mark.parametrize("vocabulary", VOCABULARIES.values(), ids=VOCABULARIES)
def test_ida_e_volta(vocabulary):
    ids = torch.arange(len(vocabulary))[torch.randperm(len(vocabulary))]
    ids = ids[[vocabulary.words[i] != "<pad>" for i in ids]]
    torch.testing.assert_close(vocabulary.encode(vocabulary.decode(ids)), ids)
    torch.testing.assert_close(
        vocabulary.encode([vocabulary.words[i] for i in ids]), ids
    )
    assert 40 <= len(vocabulary) <= 120
    assert "<pad>" not in vocabulary or vocabulary.ids["<pad>"] == 0


@pytest.mark.parametrize(
    "typed",
    [
        "Os lobos perto da casa uivaram",
        "  os  lobos perto da casa uivaram!  ",
        '"Os lobos perto da casa uivaram."',
        ["os", "lobos", "perto", "da", "casa", "uivaram"],
    ],
)
def test_frase_digitada(typed):
    ids = AGREEMENT_VOCABULARY.encode(typed)
    assert AGREEMENT_VOCABULARY.decode(ids) == "os lobos perto da casa uivaram"
    assert ids.dtype == torch.int64 and ids.shape == (6,)


def test_frase_digitada_com_acento_decomposto_e_lacuna():
    ids = AGREEMENT_VOCABULARY.encode("<s> Lea\u0303o perto da a\u0301rvore, ___")
    texto = AGREEMENT_VOCABULARY.decode(ids)
    assert texto == "<s> leão perto da árvore , ___"


def test_padding_nao_aparece():
    assert Vocabulary(["<pad>", "o"]).decode(torch.tensor([1, 0, 0])) == "o"


@pytest.mark.parametrize(
    "typed, message",
    [
        ("os gatinhos miaram", r"'gatinhos' não está no vocabulário \(81 palavras\)"),
        ("a" * 99_999, r"'a{39}…' não está no vocabulário"),
        ("os gatinhos miaram", r"Parecidas: gato"),
        ("os gatinhos miaram", r"Parecidas: \w+, \w+, \w+\.$"),
        ("", "não tem palavra nenhuma"),
        ("  ?! ", "não tem palavra nenhuma"),
        ([], "não tem palavra nenhuma"),
    ],
)
def test_frase_errada(typed, message):
    with pytest.raises(ValueError, match=message):
        AGREEMENT_VOCABULARY.encode(typed)


def test_lista_que_nao_e_de_palavras():
    with pytest.raises(TypeError, match=r"3 \(int\)"):
        AGREEMENT_VOCABULARY.encode(["o", 3])
    for bad in (None, 3):
        with pytest.raises(TypeError, match=f"mas veio {type(bad).__name__}"):
            AGREEMENT_VOCABULARY.encode(bad)


def test_uma_lista_vale_o_mesmo_que_o_texto():
    """Maiúsculas e acentos decompostos também."""
    text = "O leão rugiu ."
    apart = unicodedata.normalize("NFD", text)
    assert math.isfinite(log_prob(text))
    assert log_prob(text.split()) == log_prob(apart.split()) == log_prob(text)
    assert is_grammatical(apart.split())


def test_lacuna_mal_digitada():
    with pytest.raises(ValueError, match=r"'____' não está.*___"):
        AGREEMENT_VOCABULARY.encode("gata longe de casa ____")


def test_uma_linha_do_batch():
    batch = agreement(4, 3)
    for row in (1, torch.tensor(1), np.int64(1)):
        assert len(batch[row]) == 1 and torch.equal(batch[row].ids[0], batch.ids[1])


@pytest.mark.parametrize(
    "ids, error, message",
    [
        ([2, 81], ValueError, r"o id 81, na posição 1, está fora de 0\.\.80"),
        ([-1, 2], ValueError, r"o id -1, na posição 0, está fora de 0\.\.80"),
        ([], ValueError, r"mas veio \(0,\)"),
        ([[1, 2]], ValueError, r"mas veio \(1, 2\)"),
        ([1.0, 2.0], TypeError, "float32"),
        ([True], TypeError, "bool"),
    ],
)
def test_ids_errados(ids, error, message):
    with pytest.raises(error, match=message):
        AGREEMENT_VOCABULARY.decode(ids)


def test_vocabulario_sem_palavra_repetida():
    with pytest.raises(ValueError, match=r"\['o'\]"):
        Vocabulary(["o", "a"], ["o"])


# --- Sementes, lotes e contagens ------------------------------------------------------


@pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS)
def test_mesma_semente_mesmas_frases(make):
    batch, again, other = make(50, 3), make(50, 3), make(50, 4)
    generator = torch.Generator().manual_seed(3)
    torch.testing.assert_close(batch.ids, again.ids)
    torch.testing.assert_close(batch.ids, make(50, generator).ids)
    assert not torch.equal(batch.ids[:, :6], other.ids[:, :6])
    assert not torch.equal(batch.ids[:, :6], make(50, generator).ids[:, :6])  # continua
    assert len(batch) == 50 and batch.ids.dtype == torch.int64


def test_semente_global_nao_e_tocada():
    before = torch.get_rng_state()
    for make in GENERATORS.values():
        make(3, 0)
    torch.testing.assert_close(torch.get_rng_state(), before)


@pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS)
def test_linhas_do_lote(make):
    batch = make(7, 0)
    rows = torch.tensor([5, 2])
    picked = batch[rows]
    torch.testing.assert_close(picked.ids, batch.ids[rows])
    assert type(picked) is type(batch) and len(picked) == 2
    assert len(batch[:3]) == 3 and len(batch[6]) == 1


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: agreement(0, 3), "n deve ser inteiro, 1 ou mais, mas veio 0"),
        (lambda: agreement(2, -1), "distance deve ser inteiro, 0 ou mais, mas veio -1"),
        (lambda: agreement(2, []), "mas veio None"),
        (lambda: agreement([2], 3), r"n deve ser inteiro, 1 ou mais, mas veio \[2\]"),
        (lambda: language([2]), r"n deve ser inteiro, 1 ou mais, mas veio \[2\]"),
        (lambda: agreement(2, 3, animate=1.5), "animate é uma chance, de 0 a 1, mas"),
        (lambda: agreement(2, 3, relative=-0.1), r"relative .* mas veio -0\.1"),
        (lambda: agreement(2, 3, animate="0.5"), "animate .* mas veio '0.5'"),
        (lambda: agreement(2, [1, 2.5]), r"mas veio 2\.5"),
        (lambda: agreement(2.5, 3), r"n deve ser inteiro, 1 ou mais, mas veio 2\.5"),
        (lambda: agreement(None, 3), "mas veio None"),
        (lambda: facts(2, 13), "k deve ser inteiro, de 1 a 12, mas veio 13"),
        (lambda: headline(-2), "mas veio -2"),
        (lambda: language(0), "mas veio 0"),
        (lambda: induction(2, T=27), "T deve ser inteiro, de 28 a 40, mas veio 27"),
        (lambda: induction(2, T=[28]), r"T deve ser inteiro, .*, mas veio \[28\]"),
    ],
)
def test_numeros_errados(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_semente_errada():
    with pytest.raises(TypeError, match="mas veio str"):
        headline(2, seed="3")


# --- Estrutura ------------------------------------------------------------------------


@pytest.mark.parametrize("name", WITH_ANSWER)
def test_posicoes_apontam_para_as_palavras(name):
    batch = GENERATORS[name](400, 1)
    for i in range(len(batch)):
        words = words_of(batch, i)
        nouns = {p for p, w in enumerate(words) if _is_noun(w)}
        subject = int(batch.subject[i])
        animate = set(batch.animate[i].nonzero()[:, 0].tolist())
        inanimate = set(batch.inanimate[i].nonzero()[:, 0].tolist())
        assert {subject} | animate | inanimate == nouns, words
        assert subject not in animate | inanimate
        assert all(LEXICON[words[p]].category == "coisa" for p in inanimate)
        assert all(LEXICON[words[p]].category != "coisa" for p in animate)
        assert batch.query[i] == len(words) - 1
        assert batch.text(i) == " ".join(words)
        answer = batch.choices[batch.answer[i]]
        head = LEXICON[words[subject]]
        if name == "fatos":
            assert answer == head.text
            assert LEXICON[words[-1]].lemma == head.lemma
            continue
        assert words[-1] == "___"
        assert LEXICON[answer].lemma == head.lemma
        assert LEXICON[answer].number == head.number


def _is_noun(word):
    return word in LEXICON and LEXICON[word].category in (
        "bicho",
        "outro bicho",
        "coisa",
    )


@pytest.mark.parametrize("kwargs", [G1, G2, LEAKY, G2 | {"articles": True}])
@pytest.mark.parametrize("distance", [0, 1, 2, 3, 4, 5, 6, 11, 20, 40])
def test_distancia_exata(distance, kwargs):
    batch = agreement(60, distance, seed=2, **kwargs)
    assert (batch.distance == distance).all()
    assert len(batch.choices) == 12
    if distance >= 3 and kwargs is not LEAKY:  # o recheio tem sempre um atrator
        between = torch.arange(batch.ids.shape[1]) > batch.subject[:, None]
        assert (batch.attractors & between).any(-1).all()
    assert bool(batch.animate.any()) == (distance >= 3 and kwargs["animate"] > 0)


def test_distancias_sorteadas_por_igual():
    counts = agreement(9000, range(9), seed=0).distance.bincount(minlength=9)
    assert counts.min() > 880 and len(counts) == 9


def test_artigos_ligados_e_desligados():
    plain = "".join(agreement(1, 20, seed=s).text(0) + " " for s in range(50)).split()
    full = [agreement(1, 20, seed=s, articles=True).text(0).split() for s in range(50)]
    assert not {"o", "a", "os", "as", "do", "da", "dos", "das"} & set(plain)
    assert not any("de" in words for words in full)
    for words in full:
        for word, after in itertools.pairwise(words):
            if LEXICON.get(word, LEXICON["que"]).category in ("artigo", "contração"):
                article, noun = LEXICON[word], LEXICON[after]
                assert article[3:] == noun[3:], (word, after)


@pytest.mark.parametrize(("distance", "fits"), [(3, False), (4, True)])
def test_estava_so_se_couber(distance, fits):
    for seed in range(9):
        text = agreement(1, distance, estava=True, seed=seed).text(0)
        assert ("estava" in text) == fits, text


def test_depois_de_estava_tambem_ha_relativas():
    for seed in range(9):
        text = agreement(1, 20, estava=True, relative=1.0, seed=seed).text(0)
        assert text.split().count("que") > 1, text


def test_fatos():
    batch = facts(600, 12, seed=0)
    assert len(batch.choices) == 48 and len(set(batch.choices)) == 48
    for i in range(50):
        words = words_of(batch, i)
        nouns = [LEXICON[w] for w in words if _is_noun(w)]
        assert len({noun.lemma for noun in nouns}) == len(nouns) == 12  # sem repetir
        for noun in nouns:
            article = LEXICON[words[words.index(noun.text) - 1]]
            assert article[3:] == noun[3:]
        assert words[-4:-1] == [":", "quem", "vai"]
    assert batch.answer.bincount(minlength=48).min() > 0
    shares = batch.subject.bincount()[2::3] / len(
        batch
    )  # a pergunta não tem lugar fixo
    assert len(shares) == 12 and shares.min() > 0.04
    assert set(facts(300, [2, 5], seed=1).attractors.sum(-1).tolist()) == {1, 4}


def test_manchete():
    batch = headline(3000, seed=0)
    for i in range(300):
        words = words_of(batch, i)
        contra = words.index("contra")
        assert batch.opponent[i] == contra + 1 and batch.subject[i] < contra
        assert batch.animate[i, contra + 1]
        assert not batch.animate[i, contra + 2 :].any()
        rival = LEXICON[words[contra + 1]]
        clitic = {"ms": "-o", "fs": "-a", "mp": "-os", "fp": "-as"}
        assert CLITICS[batch.clitic[i]] == clitic[rival.gender + rival.number]
        verb, ending = batch.answer_text(i).split("-")
        assert (
            ending == ("n" if verb.endswith("m") else "") + CLITICS[batch.clitic[i]][1:]
        )
    # uma resposta não informa a outra
    assert abs(_excess(batch.answer, batch.clitic)) < 5


def test_pronome_depois_de_som_nasal():
    assert join_clitic("mordeu", "-a") == "mordeu-a"
    assert join_clitic("morderam", "-a") == "morderam-na"


# --- Pistas ---------------------------------------------------------------------------


def _excess(x, y):
    """Desvios-padrão da informação mútua acima do acaso: 2N·I ~ qui-quadrado."""
    table = torch.zeros(int(x.max()) + 1, int(y.max()) + 1, dtype=torch.float64)
    table.index_put_((x, y), torch.ones(len(x), dtype=torch.float64), accumulate=True)
    table = table[table.sum(1) > 0][:, table.sum(0) > 0]
    expected = table.sum(1, keepdim=True) * table.sum(0) / table.sum()
    g = 2 * (table * (table / expected).log()).nan_to_num(0.0).sum()
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    return 0.0 if not freedom else float((g - freedom) / math.sqrt(2 * freedom))


def _clues(batch):
    """Em cada coluna, contada do início ou da lacuna, quanto um token que não é o
    sujeito informa o número e o verbo: o maior desvio de cada."""
    B, T = batch.ids.shape
    number = torch.tensor([LEXICON[v].number == "p" for v in batch.choices]).long()
    columns = torch.arange(T)
    from_gap = (batch.query[:, None] - columns).clamp(min=0)  # (B, T)
    worst = {"número": 0.0, "verbo": 0.0}
    for index in (columns.expand(B, T), from_gap):
        tokens = batch.ids.gather(1, index)
        valid = (index != batch.subject[:, None]) & (index < batch.query[:, None])
        for column in range(T):
            keep = valid[:, column]
            if keep.sum() < 500:
                continue
            x, answer = tokens[keep, column], batch.answer[keep]
            for what, y in (("número", number[answer]), ("verbo", answer)):
                worst[what] = max(worst[what], _excess(x, y))
    return worst


@pytest.mark.parametrize("distance", [range(9), 8], ids=["0..8", "8"])
@pytest.mark.parametrize("kwargs", [G1, G2], ids=["G1", "G2"])
def test_sem_pistas(kwargs, distance):
    worst = _clues(agreement(20_000, distance, seed=5, **kwargs))
    assert max(worst.values()) < 6, worst


@pytest.mark.parametrize(
    "leak", [LEAKY, G2 | {"articles": True}, G2 | {"estava": True}], ids=str
)
def test_pistas_aparecem_na_vazada(leak):
    worst = _clues(agreement(20_000, 8, seed=5, **leak))
    assert worst["número"] > 1000


def _bag_accuracy(kwargs, distance, hide_subject=False, number_only=False):
    """Regressão logística sobre a contagem das palavras, sem ordem nenhuma."""
    number = torch.tensor([v.endswith("am") for v in agreement(1, 0).choices]).long()

    def features(n, seed):
        batch = agreement(n, distance, seed=seed, **kwargs)
        ids = batch.ids.clone()
        if hide_subject:
            ids[torch.arange(n), batch.subject] = 0
        counts = torch.zeros(n, len(AGREEMENT_VOCABULARY))
        counts.scatter_add_(1, ids, torch.ones(ids.shape))
        answer = number[batch.answer] if number_only else batch.answer
        return counts, answer

    x, y = features(8000, 0)
    layer = torch.nn.Linear(x.shape[1], int(y.max()) + 1)
    torch.nn.init.zeros_(layer.weight)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1, weight_decay=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(layer(x), y).backward()
        optimizer.step()
    x, y = features(4000, 1)
    return float((layer(x).argmax(-1) == y).float().mean())


def test_saco_de_palavras_resolve_a_vazada():
    assert _bag_accuracy(LEAKY, 8) > 0.99
    assert _bag_accuracy(LEAKY, 8, hide_subject=True, number_only=True) > 0.99


def test_saco_de_palavras_nao_resolve_a_sem_pistas():
    assert _bag_accuracy(G2, 20) < 0.65
    without = _bag_accuracy(G2, 8, hide_subject=True, number_only=True)
    assert abs(without - 0.5) < 0.04  # 5 erros-padrão


# --- Língua ---------------------------------------------------------------------------

SENTENCES = [language(2000, seed=seed) for seed in (0, 1)]


TAGS = {  # a categoria de cada palavra, escrita de novo, à mão
    "T": "hoje ontem cedo",
    ",": ",",
    ".": ".",
    "Q": "que",
    "M": "mas",
    "L": "perto longe atrás diante",
    "Ws": "miou latiu riu uivou grunhiu rugiu",
    "Wp": "miaram latiram riram uivaram grunhiram rugiram",
    "Vs": "viu seguiu",
    "Vp": "viram seguiram",
    "Fs": "voltou fugiu",
    "Fp": "voltaram fugiram",
    "Es": "estava",
    "Ep": "estavam",
    "Pms Pfs Pmp Pfp": "ele ela eles elas",
    "Ams Afs Amp Afp": "o a os as",
    "Cms Cfs Cmp Cfp": "do da dos das",
    "Bms": "gato cachorro menino lobo porco leão",
    "Bfs": "gata cachorra menina loba porca leoa",
    "Bmp": "gatos cachorros meninos lobos porcos leões",
    "Bfp": "gatas cachorras meninas lobas porcas leoas",
    "Xms Xmp": "muro muros carro carros telhado telhados",
    "Xfs Xfp": "casa casas rua ruas árvore árvores",
    "Jms Jfs Jmp Jfp": "cansado cansada cansados cansadas "
    "assustado assustada assustados assustadas quieto quieta quietos quietas",
}
TAG = {
    word: tags.split()[i % len(tags.split())]
    for tags, words in TAGS.items()
    for i, word in enumerate(words.split())
}
SOUND = {"mi": "ga", "la": "ca", "ri": "me", "ui": "lo", "gr": "po", "ru": "le"}


def _oracle(words):
    """Reconhecedor independente: as categorias, e uma expressão regular."""
    tags = [TAG.get(word, "?") for word in words]
    text = " ".join(tags) + " "
    phrase = "(?:L (?:Cms [BX]ms|Cfs [BX]fs|Cmp [BX]mp|Cfp [BX]fp) )"
    inner = {n: f"(?:Am{n} Bm{n} |Af{n} Bf{n} )" for n in "sp"}
    deep = f"(?:Q (?:{inner['s']}Vs |{inner['p']}Vp ))"
    outer = {n: f"(?:{inner[n]}(?:{phrase}|{deep})?)" for n in "sp"}
    relative = f"(?:Q (?:{outer['s']}Vs |{outer['p']}Vp ))"
    for g, n in ("ms", "fs", "mp", "fp"):
        subject = f"(?:T , )?A{g}{n} B{g}{n} (?:{phrase}|{relative}){{0,2}}"
        rest = f"(?:W{n} |E{n} J{g}{n} )(?:, M P{g}{n} F{n} )?\\. "
        if re.fullmatch(subject + rest, text):
            head = next(w for w, t in zip(words, tags, strict=True) if t[0] == "B")
            verbs = [w for w, t in zip(words, tags, strict=True) if t[0] == "W"]
            return all(SOUND[verb[:2]] == head[:2] for verb in verbs)
    return False


def test_tudo_o_que_se_gera_e_aceito():
    for batch in SENTENCES:
        for i in range(len(batch)):
            words = batch.words(i)
            assert is_grammatical(words), is_grammatical(words)
            assert _oracle(words), words


def test_frases_estragadas_como_o_reconhecedor_independente():
    generator = torch.Generator().manual_seed(0)
    batch, rejected = SENTENCES[0], 0
    for i in range(len(batch)):
        words = batch.words(i)
        position, new, kind = (
            int(torch.randint(high, (1,), generator=generator))
            for high in (len(words), len(LANGUAGE_VOCABULARY), 3)
        )
        if kind == 0:
            words[position] = LANGUAGE_VOCABULARY.words[new]
        elif kind == 1:
            del words[position]
        else:
            words[position : position + 2] = words[position : position + 2][::-1]
        verdict = is_grammatical(words)
        assert bool(verdict) == _oracle(words), (words, str(verdict))
        assert (log_prob(words) == -math.inf) == (not verdict)
        rejected += not verdict
    assert rejected > 1500


@pytest.mark.parametrize(
    "sentence, position, reason",
    [
        ("os gatos miou .", 2, "singular, mas o número de 'gatos' é plural"),
        (
            "os gatos perto da casa miou .",
            5,
            "palavra 6 ('miou'): está no singular, mas o número de 'gatos' é plural",
        ),
        ("o gato que a loba viram miou .", 5, "o número de 'loba' é singular"),
        (
            "o gato que a loba que os leões viram seguiram miou .",
            9,
            "o número de 'loba' é singular; esperava 'viu' ou 'seguiu'",
        ),
        ("a gato miou .", 1, "masculino, mas o gênero de 'a' é feminino"),
        ("o gato perto do casa miou .", 4, "feminino, mas o gênero de 'do'"),
        ("o gato estava cansada .", 3, "o gênero de 'gato' é masculino"),
        ("o gato miou , mas ela voltou .", 5, "esperava 'ele'"),
        ("o gato miou , mas ele voltaram .", 6, "esperava 'voltou' ou 'fugiu'"),
        ("o gato latiu .", 2, "não combina com 'gato'; esperava 'miou'"),
        ("a casa miou .", 1, "esperava bicho, mas veio coisa"),
        ("hoje o gato miou .", 1, "esperava vírgula, mas veio artigo"),
        ("o gato miou", 3, "parou depois de 3 palavras, e faltava ponto final"),
        ("o gato miou . o", 4, "depois do ponto final não vem mais nada"),
        ("o gat0 miou .", 1, "não está no vocabulário (95 palavras). Parecidas: gato"),
        ("<s> o gato miou .", 0, "símbolo especial"),
        ("", 0, "parou depois de 0 palavras"),
        (
            "o gato perto da rua perto da rua perto da rua miou .",
            8,
            "mas veio locução de lugar",
        ),
    ],
)
def test_razoes(sentence, position, reason):
    verdict = is_grammatical(sentence)
    assert not verdict
    assert verdict.position == position
    assert reason in str(verdict)


def test_estrutura_da_lingua():
    for batch in SENTENCES:
        for i in range(300):
            words = ["<s>", *batch.words(i)]
            subject, verb = int(batch.subject[i]), int(batch.verb[i])
            nouns = [p for p, w in enumerate(words) if _is_noun(w)]
            assert nouns[0] == subject
            attractors = batch.attractors[i].nonzero()[:, 0].tolist()
            assert attractors == nouns[1:]
            head, main = LEXICON[words[subject]], LEXICON[words[verb]]
            assert main.category in ("verbo", "verbo de ligação")
            assert main.number == head.number
            assert not nouns[1:] or nouns[-1] < verb


def test_lote_da_lingua():
    batch = language(40, seed=2)
    assert (batch.ids[:, 0] == LANGUAGE_VOCABULARY.ids["<s>"]).all()
    for i in range(len(batch)):
        n = int(batch.lengths[i])
        torch.testing.assert_close(batch.ids[i, 1:n], batch.targets[i, : n - 1])
        assert LANGUAGE_VOCABULARY.words[batch.targets[i, n - 1]] == "."
        assert (batch.targets[i, n:] == -100).all() and (batch.ids[i, n:] == 0).all()


def test_primeira_frase():
    batch = language(1, seed=2)
    text = LANGUAGE_VOCABULARY.decode(batch.ids[0]) + " . o gato miou ."
    assert first_sentence(text) == batch.words(0)
    assert first_sentence("<s> o gato") == ["o", "gato"]


def test_entropia_por_monte_carlo():
    entropy = language_entropy()
    batch = language(20_000, seed=7)
    nll = -torch.tensor(
        [log_prob(batch.words(i)) for i in range(len(batch))], dtype=torch.float64
    )
    lengths = batch.lengths.double()
    for sample, exact in ((nll, entropy.per_sentence), (lengths, entropy.tokens)):
        error = sample.std() / math.sqrt(len(sample))
        assert abs(sample.mean() - exact) < 3 * error
        assert error < 0.01 * exact
    ratio = nll.sum() / lengths.sum()
    error = (nll - ratio * lengths).std() / math.sqrt(len(nll)) / lengths.mean()
    assert abs(ratio - entropy.per_token) < 3 * error
    assert error < 0.003  # nat por token
    assert entropy.per_token == entropy.per_sentence / entropy.tokens


def test_chances_somam_1_em_todo_estado():
    seen, frontier = set(), [grammar.START]
    while frontier:
        state = frontier.pop()
        if state in seen:
            continue
        seen.add(state)
        options = grammar._next(state)
        if state != grammar.END:
            assert sum(p for p, _ in options.values()) == pytest.approx(1, abs=1e-12)
            assert all(p > 0 for p, _ in options.values())
        frontier += [after for _, after in options.values()]
    assert grammar.END in seen


def _completions(state, prefix=()):
    if state == grammar.END:
        yield prefix
    for word, (_, after) in grammar._next(state).items():
        yield from _completions(after, (*prefix, word))


@pytest.fixture
def small(monkeypatch):
    """Uma língua que se pode listar inteira: menos modificadores."""

    def limit(modifiers):
        monkeypatch.setattr(grammar, "MODIFIERS", modifiers)
        grammar._next.cache_clear()
        grammar._entropy_and_tokens.cache_clear()

    yield limit
    monkeypatch.undo()
    grammar._next.cache_clear()
    grammar._entropy_and_tokens.cache_clear()


def test_log_prob_soma_1_e_da_a_entropia(small):
    small(((0, 0.0),))
    sentences = [list(words) for words in _completions(grammar.START)]
    assert len(sentences) == 24 * 4 * 3 * 4  # sujeitos, predicados, finais, advérbios
    assert len(set(map(tuple, sentences))) == len(sentences)  # não é ambígua
    logs = torch.tensor([log_prob(words) for words in sentences], dtype=torch.float64)
    assert logs.exp().sum().item() == pytest.approx(1, abs=1e-9)
    entropy = -(logs.exp() * logs).sum().item()
    assert language_entropy().per_sentence == pytest.approx(entropy, abs=1e-9)
    tokens = (logs.exp() * torch.tensor([len(w) for w in sentences])).sum().item()
    assert language_entropy().tokens == pytest.approx(tokens, abs=1e-9)


def test_log_prob_soma_1_com_recursao(small):
    small(((1, 0.5), (1, 0.2), (0, 0.0)))
    prefix, state = ["o", "gato", "que", "a", "loba"], grammar.START
    start = 0.0
    for word in prefix:
        p, state = grammar._next(state)[word]
        start += math.log(p)
    sentences = [prefix + list(words) for words in _completions(state)]
    # modificadores de "loba", verbos da relativa, predicados, finais
    assert len(sentences) == (1 + 4 * 36 + 24 * 2) * 2 * 4 * 3
    logs = torch.tensor([log_prob(w) for w in sentences], dtype=torch.float64) - start
    assert logs.exp().sum().item() == pytest.approx(1, abs=1e-9)
    entropy = -(logs.exp() * logs).sum().item()
    assert grammar._entropy_and_tokens(state)[0] == pytest.approx(entropy, abs=1e-9)


def test_ha_recursao():
    deep = "o gato que a loba que os leões viram seguiu miou ."
    assert is_grammatical(deep)
    texts = [" ".join(SENTENCES[0].words(i)) for i in range(2000)]
    nested = (
        r"que (?:o|a|os|as) \w+ que (?:o|a|os|as) \w+ (?:viu|viram|seguiu|seguiram)"
    )
    assert sum(bool(re.search(nested, text)) for text in texts) > 20


# --- Indução --------------------------------------------------------------------------


def test_inducao():
    batch = induction(2000, seed=0)
    assert batch.ids.shape == (2000, 32)
    assert set(batch.period.tolist()) == set(range(6, 15))
    assert batch.start.unique().numel() == 32 - 12 + 1
    assert len(INDUCTION_VOCABULARY) == 40 and int(batch.ids.max()) == 39
    for i in range(len(batch)):
        ids, start, period = batch.ids[i], int(batch.start[i]), int(batch.period[i])
        block = ids[start : start + period]
        torch.testing.assert_close(ids[start + period : start + 2 * period], block)
        assert len(set(ids.tolist())) == 32 - period  # fora da cópia, tudo é distinto
        asked = batch.targets[i] != -100
        expected = torch.zeros(32, dtype=torch.bool)
        expected[start + period : start + 2 * period - 1] = True
        torch.testing.assert_close(asked, expected)
        torch.testing.assert_close(batch.targets[i][asked], ids.roll(-1)[asked])
