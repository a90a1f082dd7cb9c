"""O painel em que quem estuda escolhe os pesos: uma barra por palavra, e um ponto.

São duas saídas no caderno. A primeira é um HTML que se basta (sem internet, sem
widgets): um script monta as barras e o desenho. A segunda é uma figura parada, com três
posições das barras. Onde scripts não rodam (GitHub, caderno ainda não executado), a
primeira não mostra nada, e a figura fica no lugar dela.
"""

import hashlib
import json

import numpy as np
from IPython.display import display

from attention_lab import figures

PARTS_MAX, PARTS_START = 10, 5  # cada barra vai de 0 a 10 partes e começa em 5

# Tudo o que se vê nasce aqui, de `data`: os textos entram por textContent, nunca como
# marcação, e sem script não sobra texto solto.
_SCRIPT = """
(() => {
  const data = DATA, W = 470, H = 400, SVG = "http://www.w3.org/2000/svg";
  const {ink, soft, grid, v, weights: purple, error} = data.colors;
  const deep = "#7B2D5B"; // o púrpura escuro dos mapas de pesos
  const comma = (x) => x.toFixed(2).replace(/^-(0,?.?0*)$/, "$1")
    .replace("-", "−").replace(".", ",");
  const pair = (p) => `(${comma(p[0])}; ${comma(p[1])})`;

  const make = (parent, name, attributes = {}, text = "") => {
    const vector = parent.namespaceURI === SVG || name === "svg";
    const node = vector ? document.createElementNS(SVG, name)
      : document.createElement(name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    node.textContent = text;
    return parent.appendChild(node);
  };

  // Do plano dos vetores para os pixels, com a mesma escala nos dois eixos.
  const shown = [[0, 0], ...data.values, ...(data.target ? [data.target] : [])];
  const [low, high] = [Math.min, Math.max].map(
    (pick) => [0, 1].map((axis) => pick(...shown.map((p) => p[axis]))));
  const scale = Math.min((W - 130) / (high[0] - low[0] || 1),
                         (H - 110) / (high[1] - low[1] || 1));
  const px = (p) => [W / 2 + (p[0] - (low[0] + high[0]) / 2) * scale,
                     H / 2 - (p[1] - (low[1] + high[1]) / 2) * scale];
  const path = (points) => points.map((p) => px(p).join(",")).join(" ");

  const axes = (svg) => {
    const step = Math.max(0.5, Math.round((high[0] - low[0]) / 8));
    for (const axis of [0, 1]) {
      const end = Math.ceil((axis ? H : W) / scale / step);
      for (let i = -end; i <= end; i++) {
        const [x, y] = px([i * step, i * step]);
        const at = axis ? {x1: 0, x2: W, y1: y, y2: y} : {x1: x, x2: x, y1: 0, y2: H};
        if ((axis ? y : x) < 0 || (axis ? y > H : x > W)) continue;
        make(svg, "line", {...at, stroke: i ? grid : soft});
        if (!i) continue;
        const place = axis ? {x: 4, y: y - 4} : {x: x + 4, y: H - 4};
        make(svg, "text", {...place, fill: soft, "font-size": 12},
             String(i * step).replace(".", ",").replace("-", "−"));
      }
    }
  };

  const label = (svg, p, text, paint, from) => {
    const [x, y] = px(p), [cx, cy] = px(from);
    const far = Math.hypot(x - cx, y - cy) || 1;
    const [dx, dy] = [(x - cx) / far, (y - cy) / far];
    make(svg, "text", {
      x: x + 12 * dx, y: y + 16 * dy + 5, fill: paint, "font-size": 15,
      "font-weight": "bold", stroke: "#FFFFFF", "stroke-width": 4,
      "paint-order": "stroke",
      "text-anchor": dx > 0.3 ? "start" : dx < -0.3 ? "end" : "middle"}, text);
  };

  const arrow = (svg, p) => {
    const [[x0, y0], [x, y]] = [px([0, 0]), px(p)];
    const turn = (Math.atan2(y - y0, x - x0) * 180) / Math.PI;
    make(svg, "line", {x1: x0, y1: y0, x2: x, y2: y, stroke: v, "stroke-width": 2.5});
    make(svg, "path", {d: "M -11 -5 L 0 0 L -11 5", fill: "none", stroke: v,
      "stroke-width": 2.5, transform: `translate(${x} ${y}) rotate(${turn})`});
  };

  const build = (root) => {
    root.style.cssText = "display:flex;flex-wrap:wrap;gap:8px 28px;max-width:840px;"
      + "box-sizing:border-box;align-items:center;padding:12px;"
      + "background:#FFFFFF;color-scheme:light;color:" + ink
      + ";font:15px/1.45 system-ui,sans-serif";
    const panel = make(root, "div", {style: "flex:1 1 290px;max-width:350px"});
    const rows = data.tokens.map((token) => {
      const row = make(panel, "label", {style: "display:grid;gap:0 10px;margin:6px 0;"
        + "grid-template-columns:5.2em 1fr 7.6em;align-items:center;color:" + ink});
      make(row, "b", {style: "overflow-wrap:anywhere"}, token);
      const input = make(row, "input", {type: "range", min: 0, max: data.max, step: 1,
        "aria-label": token, style: "width:100%;accent-color:" + deep,
        "data-lm-suppress-shortcuts": ""}); // no JupyterLab, as setas são da barra
      input.value = data.start;
      return {input, shown: make(row, "output", {style: "white-space:nowrap"})};
    });
    const button = make(panel, "button", {type: "button", style: "margin:8px 0;"
      + "padding:4px 12px;font:inherit;background:#FFFFFF;border:1px solid " + soft
      + ";border-radius:4px;cursor:pointer;color:" + ink}, "Partes iguais");
    const result = make(panel, "div",
      {"aria-live": "polite", style: "min-height:4.5em"});

    const svg = make(root, "svg", {viewBox: `0 0 ${W} ${H}`, "aria-hidden": "true",
      style: `flex:1 1 ${W}px;max-width:${W}px;font-family:system-ui,sans-serif`});
    make(svg, "polygon", {points: path(data.hull), fill: v + "22", stroke: v,
      "stroke-dasharray": "2 4"});
    axes(svg);
    for (const p of data.values) arrow(svg, p);
    const middle = [0, 1].map((axis) =>
      data.values.reduce((sum, p) => sum + p[axis], 0) / data.values.length);
    data.tokens.forEach((t, i) => label(svg, data.values[i], t, ink, middle));
    if (data.target) {
      const [x, y] = px(data.target);
      make(svg, "circle", {cx: x, cy: y, r: 11, fill: "none", stroke: error,
        "stroke-width": 2.5, "stroke-dasharray": "5 3"});
      label(svg, [data.target[0], data.target[1] + 6 / scale], "alvo", ink,
            [data.target[0], data.target[1] - 1]);
    }
    const chain = make(svg, "polyline", {fill: "none", stroke: purple,
      "stroke-width": 3, "stroke-linejoin": "round"});
    const dots = make(svg, "g");
    const point = make(svg, "path", {d: "M 0 -9 L 9 0 L 0 9 L -9 0 Z", fill: purple,
      stroke: ink, "stroke-width": 1.5});

    const draw = () => {
      const parts = rows.map((row) => Number(row.input.value));
      const total = parts.reduce((a, b) => a + b, 0);
      const w = parts.map((p) => (total ? p / total : 0));
      const steps = [[0, 0]];
      w.forEach((weight, i) => {
        const last = steps[steps.length - 1], value = data.values[i];
        if (weight) steps.push([0, 1].map((axis) => last[axis] + weight * value[axis]));
        const count = parts[i] === 1 ? "1 parte" : `${parts[i]} partes`;
        rows[i].shown.textContent = total ? `${count}: ${comma(weight)}` : count;
        rows[i].input.setAttribute("aria-valuetext", rows[i].shown.textContent);
      });
      const context = steps[steps.length - 1];
      for (const node of [chain, dots, point])
        node.style.display = total ? "" : "none";
      chain.setAttribute("points", path(steps));
      dots.replaceChildren();
      for (const p of steps.slice(1, -1))
        make(dots, "circle", {cx: px(p)[0], cy: px(p)[1], r: 3.5, fill: purple});
      point.setAttribute("transform", `translate(${px(context).join(" ")})`);
      result.replaceChildren();
      if (!total) {
        make(result, "div", {}, "Todas as barras em 0: não há o que repartir.");
        return;
      }
      make(result, "b", {}, `contexto = ${pair(context)}`);
      if (!data.target) return;
      const gap = Math.hypot(context[0] - data.target[0], context[1] - data.target[1]);
      make(result, "div", {}, `alvo = ${pair(data.target)}, a ${comma(gap)} daqui`
        + (gap < 0.1 ? ": você chegou!" : ""));
    };
    for (const row of rows) row.input.addEventListener("input", draw);
    button.addEventListener("click", () => {
      for (const row of rows) row.input.value = data.start;
      draw();
    });
    draw();
  };
  for (const root of document.querySelectorAll("[data-mix='KEY']:empty")) build(root);
})();
"""


def mix_sliders(tokens, values, target=None) -> None:
    """Mostra o painel: as partes de cada palavra, os pesos e o vetor de contexto.

    tokens: T textos
    values: (T, 2), o vetor de cada palavra
    target: (2,), um ponto a alcançar, ou None
    Devolve: nada. Mostra o painel e, embaixo, a figura com três posições das barras:
        partes iguais, o triplo para a primeira palavra, e só ela.
    Erro: ValueError, com as formas, se tokens, values e target não combinam.

    >>> mix_sliders(["gato", "telhado"], [[1.0, 2.0, 3.0]])
    Traceback (most recent call last):
    ValueError: values deve ter a forma (2, 2), mas veio (1, 3).
    """
    if isinstance(tokens, str):
        raise TypeError("tokens deve ser uma lista, mas veio um texto: use split().")
    tokens = [str(token) for token in tokens]
    values = _checked("values", values, (len(tokens), 2))
    target = None if target is None else _checked("target", target, (2,))
    text = "Painel: uma barra para as partes de " + ", ".join(tokens) + "."
    panel = {"text/html": _html(tokens, values, target), "text/plain": text}
    display(panel, raw=True)
    _show_still(tokens, values, target)


def _checked(name, data, shape):
    try:
        data = np.asarray(figures._plain(data), dtype=float)
    except (TypeError, ValueError):
        veio = type(data).__name__
        raise ValueError(
            f"{name} deve ter só números, na forma {shape}, mas veio {veio}."
        ) from None
    if data.shape != shape or not data.size:
        raise ValueError(f"{name} deve ter a forma {shape}, mas veio {data.shape}.")
    if not np.isfinite(data).all():
        raise ValueError(f"{name} deve ter só números finitos, mas veio {data}.")
    return data


def _html(tokens, values, target) -> str:
    """O painel; não depende do Matplotlib nem do acaso, para o nbval comparar."""
    data = {
        "tokens": tokens,
        "values": values.tolist(),
        "hull": figures._convex_hull(values).tolist(),
        "target": None if target is None else target.tolist(),
        "colors": figures.COLORS,
        "max": PARTS_MAX,
        "start": PARTS_START,
    }
    packed = json.dumps(data).replace("<", "\\u003c")  # nenhum texto fecha o script
    key = hashlib.sha256(packed.encode()).hexdigest()[:12]
    script = _SCRIPT.replace("KEY", key, 1).replace("DATA", packed, 1)
    return f'<div data-mix="{key}"></div><script>{script}</script>'


def _show_still(tokens, values, target) -> None:
    first, n = tokens[0], len(tokens)
    frames = {
        "partes iguais": np.ones(n),
        f"o triplo para “{first}”": np.r_[3, np.ones(n - 1)],
        f"só “{first}”": np.r_[1, np.zeros(n - 1)],
    }
    fig, axes = figures.canvas(1, 3, width=figures.MAX_WIDTH, height=3.3)
    told = []
    for ax, (name, parts) in zip(axes, frames.items(), strict=True):
        context = parts / parts.sum() @ values
        pair = "; ".join(map(figures.comma, context))
        told.append(f"{name}: ({pair})")
        labels, inside_label = tokens, "contexto"
        if parts[0] == parts.sum():  # o contexto cai em cima da primeira palavra
            labels, inside_label = ["", *tokens[1:]], f"{first} =\ncontexto"
        figures.vectors(
            ax,
            values,
            labels,
            color="v",
            hull=True,
            inside=context,
            inside_label=inside_label,
            title=f"{name[0].upper()}{name[1:]}:\n({pair})",
        )
        if target is not None:
            paint = figures.COLORS["error"]
            ax.plot(*target, "o", markersize=13, mfc="none", mec=paint, mew=2)
            ax.annotate("alvo", target, (11, 0), textcoords="offset points")
            ax.texts[-1].set(va="center", color=paint)
    for ax in axes[1:]:  # o nome do eixo, uma vez só: sobra lugar para os vetores
        ax.set_ylabel("")
    figures.show(fig, alt="Três posições das barras, e o contexto. " + ". ".join(told))
