"""Exercícios do caderno 05: parâmetros, linha que responde, treino e mapas."""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from attention_lab.attention import attention
from attention_lab.exercises.engine import (
    FunctionExercise,
    Mistake,
    Refused,
    ValueExercise,
    decimal,
    sample,
)

HAND, LAYER, STEP, ROW, BREAK, MAP = (
    "seção 2, “À mão: um passo de gradiente”",
    "seção 3, “A camada e os seus parâmetros”",
    "seção 5, “O passo de treinamento”",
    "seção 7, “Qual linha prevê”",
    "seção 8, “Quebre de propósito”",
    "seção 10, “O mapa explica?”",
)

SHAPES = (
    "As formas estão certas. Multiplique os lados de cada uma e some: sai um número."
)


# --- 5.2: a linha que responde --------------------------------------------------------

LENGTHS = {5: [4, 2, 5], 7: [6, 3]}  # T -> comprimentos; há sempre padding em alguma


def _answering(pick):
    """A função do exercício, a partir de quem escolhe a linha de cada frase."""

    def rows(output, lengths):
        return output[torch.arange(len(output)), pick(lengths)]

    return rows


def _row_cases():
    cases = []
    for seed, (T, lengths) in enumerate(LENGTHS.items()):
        (output,) = sample(51 + seed, (len(lengths), T, 4))
        cases.append((output, torch.tensor(lengths)))
    return cases


def _which_rows(got, output, lengths):
    """De que linha de cada frase veio o vetor devolvido."""
    got, found = torch.as_tensor(got), []
    for b in range(len(output)):
        match = (output[b] - got[b]).abs().amax(-1) < 1e-5
        found.append(int(match.int().argmax()) if match.any() else None)
    wanted = [n - 1 for n in lengths.tolist()]
    return (
        f"As frases têm {lengths.tolist()} tokens, numeradas a partir de 0: as linhas "
        f"que respondem são {wanted}, e as suas são {found}."
    )


def _mean_of_real(output, lengths):
    real = torch.arange(output.shape[1]) < lengths[:, None]  # (B, T)
    return (output * real[..., None]).sum(1) / lengths[:, None]


# --- 5.3: o passo de treinamento ------------------------------------------------------


class Linear(nn.Linear):
    """A camada da correção, com um nome que cabe nas mensagens."""

    def __repr__(self):
        return f"nn.Linear({self.in_features}, {self.out_features}, bias=False)"


class SGD(torch.optim.SGD):
    """O otimizador da correção: conta os passos, e o nome cabe nas mensagens."""

    steps = 0

    def step(self, closure=None):
        self.steps += 1
        return super().step(closure)

    def __repr__(self):
        return f"SGD(lr={self.defaults['lr']})"


def _step_case(seed, n, d_in, d_out):
    """Modelo, otimizador, entrada e alvo: os argumentos de `training_step`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Linear(d_in, d_out, bias=False)
    x, target = sample(seed, (n, d_in), (n, d_out))
    return model, SGD(model.parameters(), lr=0.2), x, target


def three_steps(training_step):
    """Dá três passos com a função de quem responde; devolve parâmetros e perdas."""

    def run(model, optimizer, x, target):
        model, optimizer = copy.deepcopy((model, optimizer))
        losses = []
        for i in range(3):
            loss = training_step(model, optimizer, x, target)
            if loss is ...:
                raise NotImplementedError
            if optimizer.steps > i + 1:
                raise Refused("Sua função deu vários passos.")
            losses.append(_loss_tensor(loss))
        return model.weight.detach(), torch.stack(losses)

    return run


def _loss_tensor(loss):
    """A perda sem o grafo; uma queixa, se o que veio não é um número."""
    try:
        if not isinstance(loss, tuple):
            return torch.as_tensor(loss).detach()
    except (RuntimeError, TypeError, ValueError):
        pass
    names = {type(None): "None", tuple: "um par"}
    what = names.get(type(loss), f"um {type(loss).__name__}")
    raise Refused(f"Sua função devolveu {what} no lugar da perda.")


def training_step(model, optimizer, x, target):
    loss = F.mse_loss(model(x), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


def _accumulating(model, optimizer, x, target):
    loss = F.mse_loss(model(x), target)
    loss.backward()
    optimizer.step()
    return loss


def _forgetting_too_late(model, optimizer, x, target):
    loss = F.mse_loss(model(x), target)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss


def _one_step_late(model, optimizer, x, target):
    loss = F.mse_loss(model(x), target)
    optimizer.step()
    optimizer.zero_grad()
    loss.backward()
    return loss


def _late_and_accumulating(model, optimizer, x, target):
    loss = F.mse_loss(model(x), target)
    optimizer.step()
    loss.backward()
    return loss


def _uphill(model, optimizer, x, target):
    loss = F.mse_loss(model(x), target)
    optimizer.zero_grad()
    (-loss).backward()
    optimizer.step()
    return loss


def _summing(model, optimizer, x, target):
    loss = F.mse_loss(model(x), target, reduction="sum")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


def _loss_after(model, optimizer, x, target):
    training_step(model, optimizer, x, target)
    return F.mse_loss(model(x), target)


def _without_gradient(model, optimizer, x, target):
    with torch.no_grad():
        loss = F.mse_loss(model(x), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


def _absolute_error(model, optimizer, x, target):
    loss = F.l1_loss(model(x), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


def _number_too_early(model, optimizer, x, target):
    loss = F.mse_loss(model(x), target).item()
    optimizer.zero_grad()
    loss.backward()


def _prediction_returned(model, optimizer, x, target):
    prediction = model(x)
    optimizer.zero_grad()
    F.mse_loss(prediction, target).backward()
    optimizer.step()
    return prediction


def _prediction_afterwards(model, optimizer, x, target):
    training_step(model, optimizer, x, target)
    return model(x)


def _without_return(model, optimizer, x, target):
    training_step(model, optimizer, x, target)


def _two_returned(model, optimizer, x, target):
    return training_step(model, optimizer, x, target), model(x)


def _not_reduced(model, optimizer, x, target):
    loss = F.mse_loss(model(x), target, reduction="none")
    loss.backward()


def _two_unpacked(model, optimizer, x, target):
    _logits, _weights = model(x)


def _cross_entropy(model, optimizer, x, target):
    loss = F.cross_entropy(model(x), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


def _own_optimizer(model, optimizer, x, target):
    own = torch.optim.AdamW(model.parameters(), lr=1e-2)
    return training_step(model, own, x, target)


def _several_steps(model, optimizer, x, target):
    training_step(model, optimizer, x, target)
    return training_step(model, optimizer, x, target)


def _three_losses(got, *inputs):
    losses = "; ".join(decimal(float(loss)) for loss in got[1])
    right = three_steps(training_step)(*inputs)[1]
    wanted = "; ".join(decimal(float(loss)) for loss in right)
    return f"Em três passos, as perdas foram {losses}; deveriam ser {wanted}."


# --- 5.4: a classe com um erro --------------------------------------------------------


def run_class(cls):
    """Monta a classe de quem responde, copia os parâmetros e a chama."""

    def run(x, W_q, W_k, W_v):
        if isinstance(cls, nn.Module):
            raise Refused("Chegou uma camada já criada: passe a classe, só o nome.")
        if getattr(cls, "forward", None) is nn.Module.forward:
            raise Refused(
                "Sua classe não tem um `forward`: confira o nome, e se ele está "
                "alinhado com o `__init__`, e não dentro dele."
            )
        module = cls(x.shape[-1], len(W_q), len(W_v))
        if module.W_q.weight is module.W_k.weight:
            raise Refused("W_q e W_k são a mesma matriz: cada papel tem a sua.")
        with torch.no_grad():
            module.W_q.weight.copy_(W_q)
            module.W_k.weight.copy_(W_k)
            module.W_v.weight.copy_(W_v)
            return module(x)

    return run


def one_head(x, W_q, W_k, W_v):
    return attention(x @ W_q.T, x @ W_k.T, x @ W_v.T)


def _softmax_over_queries(x, W_q, W_k, W_v):
    scores = (x @ W_q.T) @ (x @ W_k.T).transpose(-2, -1) / len(W_q) ** 0.5
    weights = torch.softmax(scores, -2)
    return weights @ (x @ W_v.T), weights


def _scaled_by(factor):
    def wrong(x, W_q, W_k, W_v):
        scale = factor(x, W_v)
        return attention(x @ W_q.T, x @ W_k.T, x @ W_v.T, scale=scale)

    return wrong


EXERCISES = [
    ValueExercise(
        id="5.1",
        answer=32 * 8 + 32 * 8 + 32 * 12,
        praise="256 + 256 + 384. A frase não entra na conta: o mapa de pesos muda a "
        "cada frase, e por isso não é parâmetro.",
        mistakes=[
            Mistake(
                "square",
                3 * 32 * 32,
                "3072 sai de duas contas. Três matrizes de 32 × 32: isso vale quando "
                "d_k = d_v = d_model, e aqui as saídas são mais estreitas. Ou 32 × 8 × "
                "12: cada matriz tem só dois lados, e as três se somam.",
                LAYER,
            ),
            Mistake(
                "narrow-values",
                3 * 32 * 8,
                "Você deu 8 colunas às três. W_v leva de 32 para d_v = 12, que não "
                "precisa ser igual a d_k.",
                LAYER,
            ),
            Mistake(
                "wide-keys",
                3 * 32 * 12,
                "Você deu 12 colunas às três. W_q e W_k levam de 32 para d_k = 8.",
                LAYER,
            ),
            Mistake(
                "with-bias",
                896 + 8 + 8 + 12,
                "Você somou um viés por saída (8 + 8 + 12). Nesta camada, "
                "`bias=False`: só as matrizes contam.",
                LAYER,
            ),
            Mistake(
                "with-map",
                896 + 11 * 11,
                "Você somou os 11 × 11 pesos de atenção. Eles são ativações: "
                "calculam-se de novo a cada frase, e não estão no `state_dict`.",
                LAYER,
            ),
            Mistake(
                "only-map",
                11 * 11,
                "121 é o tamanho do mapa de pesos. Ele não é parâmetro: muda com a "
                "frase. O que se treina são W_q, W_k e W_v.",
                LAYER,
            ),
            Mistake(
                "per-token",
                896 * 11,
                "Você multiplicou pelos 11 tokens. As mesmas três matrizes servem a "
                "todos os tokens.",
                LAYER,
            ),
            Mistake(
                "two-matrices",
                32 * 8 + 32 * 12,
                "Faltou uma: são três matrizes, e W_q e W_k são distintas mesmo "
                "quando têm a mesma forma.",
                LAYER,
            ),
            Mistake(
                "without-values",
                32 * 8 + 32 * 8,
                "Você contou só W_q e W_k. Falta W_v, que faz os valores e também se "
                "treina.",
                LAYER,
            ),
            Mistake(
                "activations",
                11 * (8 + 8 + 12),
                "308 é quantos números há nas consultas, nas chaves e nos valores da "
                "frase. São ativações: mudam com ela. Conte as matrizes que as fazem.",
                LAYER,
            ),
            Mistake(
                "input",
                11 * 32,
                "352 é o tamanho da entrada, 11 tokens de 32 números. A camada não a "
                "guarda: ela guarda as três matrizes.",
                LAYER,
            ),
            Mistake(
                "not-added",
                (32 * 8, 32 * 8, 32 * 12),
                "As três parcelas estão certas. Agora some: a resposta é um número só.",
                LAYER,
            ),
            Mistake(
                "shapes",
                [(32, 8), (32, 8), (32, 12)],
                SHAPES,
                LAYER,
            ),
            Mistake(
                "shapes-in-pytorch",
                [(8, 32), (8, 32), (12, 32)],
                SHAPES,
                LAYER,
            ),
            Mistake(
                "outputs-only",
                8 + 8 + 12,
                "Você contou as saídas. Cada uma delas tem 32 parâmetros, um por "
                "coordenada da entrada.",
                LAYER,
            ),
            Mistake(
                "sum-of-sides",
                (32 + 8) + (32 + 8) + (32 + 12),
                "Você somou os lados de cada matriz. Uma matriz de 32 por 8 tem 32 × 8 "
                "números.",
                LAYER,
            ),
        ],
    ),
    FunctionExercise(
        id="5.2",
        reference=_answering(lambda lengths: lengths - 1),
        inputs=_row_cases,
        outputs=("context",),
        praise="O último token de verdade de cada frase, e não a última linha da "
        "tabela: depois dele só há padding.",
        mistakes=[
            Mistake(
                "last-row",
                lambda output, lengths: output[:, -1],
                "Você pegou a última linha da tabela. Nas frases mais curtas ela é "
                "padding: o token que responde vem antes.",
                ROW,
                _which_rows,
            ),
            Mistake(
                "row-before",
                _answering(lambda lengths: lengths - 2),
                "Você pegou a linha anterior à lacuna. Isso vale em um modelo causal, "
                "em que a linha t prevê o token t + 1; aqui quem responde é a própria "
                "lacuna.",
                ROW,
                _which_rows,
            ),
            Mistake(
                "off-by-one",
                _answering(lambda lengths: lengths),
                "Você usou `lengths` como índice. Uma frase de 4 tokens tem as linhas "
                "0, 1, 2 e 3: a última é `lengths - 1`.",
                ROW,
            ),
            Mistake(
                "first-row",
                lambda output, lengths: output[:, 0],
                "Você pegou a linha do primeiro token. Ela diz o que <s> misturou, e "
                "ninguém a cobra.",
                ROW,
                _which_rows,
            ),
            Mistake(
                "every-pair",
                lambda output, lengths: output[:, lengths - 1],
                "Você pediu, para cada frase, as linhas de todas as frases: saiu uma "
                "tabela (B, B, d). Cada frase pede um par: o seu número e a sua linha.",
                ROW,
            ),
            Mistake(
                "first-axis",
                lambda output, lengths: output[lengths - 1],
                "Você pôs os comprimentos no primeiro eixo, que numera as frases. Os "
                "tokens estão no segundo: `output[frase, token]`.",
                ROW,
            ),
            Mistake(
                "rows-of-the-first",
                lambda output, lengths: output[0, lengths - 1],
                "Os índices das linhas estão certos, mas o 0 as buscou todas na "
                "primeira frase. Cada frase dá uma linha: `torch.arange(B)` no lugar "
                "do 0.",
                ROW,
            ),
            Mistake(
                "only-first-sentence",
                lambda output, lengths: output[0, lengths[0] - 1],
                "A linha está certa, mas só a da primeira frase. Se há um laço, o "
                "`return` está dentro dele.",
                ROW,
            ),
            Mistake(
                "extra-axis",
                lambda output, lengths: _answering(lambda n: n - 1)(output, lengths)[
                    :, None
                ],
                "As linhas estão certas, mas sobrou um eixo de tamanho 1. Um número "
                "tira o eixo; uma fatia, como `n-1:n`, o conserva.",
                ROW,
            ),
            Mistake(
                "mean",
                lambda output, lengths: output.mean(1),
                "Você tirou a média de todas as linhas, com o padding. Só uma linha "
                "responde.",
                ROW,
            ),
            Mistake(
                "mean-of-real",
                _mean_of_real,
                "Você tirou a média das linhas dos tokens de verdade. Há modelos que "
                "fazem assim, mas aqui só a linha da lacuna responde.",
                ROW,
            ),
            Mistake(
                "one-for-all",
                lambda output, lengths: output[:, int(lengths.max()) - 1],
                "Você usou o comprimento da frase mais longa para todas. Cada frase "
                "tem o seu.",
                ROW,
                _which_rows,
            ),
        ],
    ),
    FunctionExercise(
        id="5.3",
        reference=three_steps(training_step),
        inputs=lambda: [_step_case(53, 5, 4, 2), _step_case(54, 7, 2, 3)],
        outputs=("parâmetros", "perdas"),
        adapt=three_steps,
        praise="Prever, medir, esquecer, derivar, corrigir. Este passo serve a "
        "qualquer modelo, da reta ao GPT.",
        mistakes=[
            Mistake(
                "accumulating",
                three_steps(_accumulating),
                "O primeiro passo está certo; nos seguintes, o gradiente novo se somou "
                "ao velho. Falta `optimizer.zero_grad()`, com parênteses, antes de "
                "`backward`.",
                STEP,
                _three_losses,
            ),
            Mistake(
                "nothing-moves",
                three_steps(_forgetting_too_late),
                "Os parâmetros não se moveram: o `step` não rodou, ou não havia "
                "gradiente na hora dele. A ordem é `zero_grad`, `backward`, `step`, "
                "cada um com parênteses.",
                STEP,
                _three_losses,
            ),
            Mistake(
                "one-step-late",
                three_steps(_one_step_late),
                "`step` veio antes de `backward`: cada passo usou o gradiente do passo "
                "anterior, e o primeiro não usou nenhum.",
                STEP,
                _three_losses,
            ),
            Mistake(
                "late-and-accumulating",
                three_steps(_late_and_accumulating),
                "`step` veio antes de `backward`, e falta `zero_grad`: cada passo usou "
                "a soma dos gradientes anteriores.",
                STEP,
                _three_losses,
            ),
            Mistake(
                "uphill",
                three_steps(_uphill),
                "A perda sobe: você andou na direção do gradiente. O otimizador já "
                "subtrai; chame `loss.backward()`, sem trocar o sinal.",
                STEP,
                _three_losses,
            ),
            Mistake(
                "summing",
                three_steps(_summing),
                "Você somou os erros em vez de tirar a média: o passo cresce com o "
                "tamanho do batch. O padrão de `F.mse_loss` já é a média.",
                STEP,
                _three_losses,
            ),
            Mistake(
                "loss-after",
                three_steps(_loss_after),
                "O passo está certo, mas a perda devolvida é a de depois da correção. "
                "Devolva a que foi medida antes, a que gerou o gradiente.",
                STEP,
                _three_losses,
            ),
            Mistake(
                "without-gradient",
                three_steps(_without_gradient),
                "A previsão perdeu o registro das contas: há `no_grad`, `.detach()` ou "
                "`torch.tensor(…)` no caminho. Ao treinar, ele tem de chegar à perda.",
                STEP,
            ),
            Mistake(
                "absolute-error",
                three_steps(_absolute_error),
                "O passo está na ordem certa, mas a perda é outra: você usou o erro "
                "absoluto. A pedida é `F.mse_loss`, a média dos quadrados.",
                STEP,
                _three_losses,
            ),
            Mistake(
                "number-too-early",
                three_steps(_number_too_early),
                "O `.item()` transformou a perda em um número comum, que não guarda de "
                "onde veio. Derive primeiro; só depois tire o número.",
                STEP,
            ),
            Mistake(
                "prediction-returned",
                three_steps(_prediction_returned),
                "O passo está certo, mas você devolveu a previsão. Devolva a perda: um "
                "número só.",
                STEP,
            ),
            Mistake(
                "prediction-afterwards",
                three_steps(_prediction_afterwards),
                "O passo está certo, mas você devolveu outra previsão, feita depois "
                "dele. Devolva a perda: um número só.",
                STEP,
            ),
            Mistake(
                "without-return",
                three_steps(_without_return),
                "Sua função não devolveu a perda: falta `return loss` no fim.",
                STEP,
            ),
            Mistake(
                "several-steps",
                three_steps(_several_steps),
                "Sua função deu vários passos; ela deve dar um só: quem repete é o "
                "`check`.",
                STEP,
            ),
            Mistake(
                "two-returned",
                three_steps(_two_returned),
                "Você devolveu um par. O enunciado pede só a perda: `return loss`.",
                STEP,
            ),
            Mistake(
                "not-reduced",
                three_steps(_not_reduced),
                "A perda ficou com um número por previsão, e `backward` parte de um "
                "número só. Tire a média.",
                STEP,
            ),
            Mistake(
                "two-unpacked",
                three_steps(_two_unpacked),
                "Você separou a saída em duas, como a do leitor da seção 5. Aqui "
                "`model(x)` devolve só a previsão.",
                STEP,
            ),
            Mistake(
                "cross-entropy",
                three_steps(_cross_entropy),
                "O passo está na ordem certa, mas a perda é a da seção 5. A pedida é "
                "`F.mse_loss`.",
                STEP,
                _three_losses,
            ),
            Mistake(
                "own-optimizer",
                three_steps(_own_optimizer),
                "Você criou outro otimizador, com outra taxa. Use o que chega nos "
                "argumentos, `optimizer`.",
                STEP,
                _three_losses,
            ),
        ],
    ),
    FunctionExercise(
        id="5.4",
        reference=one_head,
        inputs=lambda: [
            sample(55, (2, 5, 6), (3, 6), (3, 6), (4, 6)),
            sample(56, (3, 7, 4), (5, 4), (5, 4), (2, 4)),
        ],
        outputs=("output", "weights"),
        adapt=run_class,
        asks="classe",
        praise="Com W_k fora da conta, o modelo até treinava: `W_k.weight.grad` ficava "
        "em None, e nenhuma mensagem avisava.",
        mistakes=[
            Mistake(
                "keys-from-q",
                lambda x, W_q, W_k, W_v: one_head(x, W_q, W_q, W_v),
                "O erro continua ali. Depois de um `backward`, uma das três matrizes "
                "tem `grad` igual a None: ela não entrou na conta.",
                LAYER,
                untouched=True,
            ),
            Mistake(
                "queries-from-k",
                lambda x, W_q, W_k, W_v: one_head(x, W_k, W_k, W_v),
                "Agora as consultas também vêm de W_k, e W_q é que ficou de fora. Os "
                "escores continuam simétricos: não há direção.",
                LAYER,
            ),
            Mistake(
                "swapped-roles",
                lambda x, W_q, W_k, W_v: one_head(x, W_k, W_q, W_v),
                "As três matrizes entram, mas W_q faz as chaves e W_k, as consultas: a "
                "tabela de escores sai transposta.",
                LAYER,
            ),
            Mistake(
                "values-raw",
                lambda x, W_q, W_k, W_v: attention(x @ W_q.T, x @ W_k.T, x),
                "Consultas e chaves estão certas, mas a mistura usou x no lugar dos "
                "valores: W_v ficou de fora.",
                LAYER,
            ),
            Mistake(
                "values-from-k",
                lambda x, W_q, W_k, W_v: attention(x @ W_q.T, x @ W_k.T, x @ W_k.T),
                "As chaves estão certas, mas agora os valores também saem de W_k, e "
                "W_v é que ficou de fora.",
                LAYER,
            ),
            Mistake(
                "everything-from-q",
                lambda x, W_q, W_k, W_v: one_head(x, W_q, W_q, W_q),
                "Agora as três saem de W_q, e duas matrizes ficaram de fora. Cada "
                "papel tem a sua.",
                LAYER,
            ),
            Mistake(
                "unscaled",
                _scaled_by(lambda x, W_v: 1.0),
                "As projeções estão certas, mas a divisão por √d_k sumiu.",
                BREAK,
            ),
            Mistake(
                "root-d-model",
                _scaled_by(lambda x, W_v: x.shape[-1] ** -0.5),
                "As projeções estão certas, mas você dividiu por √d_model. Quem conta "
                "é d_k, a largura de consultas e chaves.",
                LAYER,
            ),
            Mistake(
                "root-d-v",
                _scaled_by(lambda x, W_v: len(W_v) ** -0.5),
                "As projeções estão certas, mas você dividiu por √d_v. Os escores "
                "comparam consultas com chaves, de largura d_k.",
                LAYER,
            ),
            Mistake(
                "columns",
                _softmax_over_queries,
                "As projeções estão certas, mas a softmax corre pelas colunas. Quem "
                "reparte o peso é a linha.",
                LAYER,
            ),
            Mistake(
                "swapped-outputs",
                lambda *inputs: one_head(*inputs)[::-1],
                "A conta está certa, mas a ordem da saída mudou: primeiro `output`, "
                "depois `weights`.",
                LAYER,
            ),
        ],
    ),
    ValueExercise(
        id="5.5",
        answer=[0.3, 0.1, 0.6],
        tolerance=0.005,
        praise="0,2 saem de cada um dos dois primeiros, porque o terceiro valor é o "
        "meio exato deles. Dois mapas bem diferentes, a mesma saída.",
        mistakes=[
            Mistake(
                "proportional",
                [0.25, 0.15, 0.6],
                "Você encolheu os dois primeiros na mesma proporção. A soma é 1, mas a "
                "saída vira (1,1; 0,9). Tire de cada um a mesma quantidade.",
                MAP,
            ),
            Mistake(
                "only-third",
                [0.5, 0.3, 0.6],
                "Você aumentou o terceiro e não tirou de ninguém: a linha soma 1,4.",
                MAP,
            ),
            Mistake(
                "all-from-first",
                [0.1, 0.3, 0.6],
                "Você tirou tudo do primeiro: a saída vira (0,8; 1,2). O terceiro "
                "valor vale meio de cada um dos outros.",
                MAP,
            ),
            Mistake(
                "all-from-second",
                [0.5, -0.1, 0.6],
                "Você tirou tudo do segundo, e ele ficou negativo. Um peso de atenção "
                "nunca é menor que 0.",
                MAP,
            ),
            Mistake(
                "second-to-zero",
                [0.4, 0.0, 0.6],
                "A soma é 1 e ninguém é negativo, mas a saída vira (1,4; 0,6): você "
                "tirou mais do segundo que do primeiro.",
                MAP,
            ),
            Mistake(
                "whole-gain-twice",
                [0.1, -0.1, 0.6],
                "Você tirou 0,4 de cada um: a linha soma 0,6, e um peso de atenção "
                "nunca é negativo. Os dois, juntos, cedem 0,4.",
                MAP,
            ),
            Mistake(
                "half-of-half",
                [0.4, 0.2, 0.6],
                "Você tirou 0,1 de cada um: a linha soma 1,2. O terceiro ganhou 0,4, e "
                "alguém tem de ceder tudo isso.",
                MAP,
            ),
            Mistake(
                "third-unchanged",
                [0.3, 0.1, 0.2],
                "Os dois primeiros estão certos, mas o terceiro ficou em 0,2: a linha "
                "soma 0,6. Ele tem de ser 0,6.",
                MAP,
            ),
            Mistake(
                "swapped",
                [0.0, 0.4, 0.6],
                "A soma é 1, mas a saída vira (0,6; 1,4): você tirou do primeiro e deu "
                "também ao segundo.",
                MAP,
            ),
            Mistake(
                "percent",
                [30, 10, 60],
                "A proporção está certa, mas em porcentagem. Os pesos somam 1, e não "
                "100.",
                MAP,
            ),
            Mistake(
                "equal-rest",
                [0.2, 0.2, 0.6],
                "Você repartiu o resto por igual: a saída vira (1; 1). A soma é 1, mas "
                "a mistura mudou.",
                MAP,
            ),
            Mistake(
                "order",
                [0.6, 0.3, 0.1],
                "O 0,6 é o peso do terceiro valor, e você o pôs no primeiro. Os pesos "
                "seguem a ordem dos valores: (2, 0), (0, 2), (1, 1).",
                MAP,
            ),
            Mistake(
                "unchanged",
                [0.5, 0.3, 0.2],
                "Essa é a linha de que partimos. O terceiro peso tem de ser 0,6.",
                MAP,
            ),
            Mistake(
                "two-numbers",
                [0.3, 0.1],
                "Os dois primeiros estão certos. Escreva a linha inteira, com o 0,6.",
                MAP,
            ),
            Mistake(
                "output",
                [1.2, 0.8],
                "(1,2; 0,8) é a saída, que não deve mudar. A pergunta é sobre a linha "
                "de pesos.",
                MAP,
            ),
        ],
    ),
]
