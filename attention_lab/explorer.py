"""O explorador de cabeças: aponta-se um token, e vê-se para onde ele olha.

São duas saídas no caderno, como no painel de ``sliders``. A primeira é um HTML que se
basta (sem internet, sem widgets): um script monta os arcos e o mapa. A segunda é uma
figura parada, com os mapas das cabeças. Onde scripts não rodam (GitHub, caderno em que
não se confia), a primeira não mostra nada, e a figura fica no lugar dela.

A sala das figuras só se importa na hora de mostrar, e ``import attention_lab`` continua
leve.
"""

import hashlib
import json
import math
import unicodedata
import warnings

import numpy as np

MAX_TOKENS = 200
MAX_WEIGHTS = 250_000  # 144 cabeças de 41 tokens, ou 6 de 200: uns 350 kB no caderno
MAX_LETTERS = 20_000  # em todos os tokens
MAX_MAPS, MAX_CELLS = 16, 20_000  # da figura parada; o explorador tem todas as cabeças
MAX_LABELLED = 16  # com mais tokens, os nomes não cabem na figura parada
TOLERANCE = 0.01  # da soma de cada linha: cabe o arredondamento de bfloat16

# Os pesos viajam em milésimos: até 76 em um caractere, e os maiores em dois.
ALPHABET = "".join(c for c in map(chr, range(35, 127)) if c not in "<&'\\")
SINGLE = 77

_STYLE = """
:host { display: block; max-width: 840px; color-scheme: light; direction: ltr; }
* { box-sizing: border-box; }
.all { padding: 12px 14px 14px; background: #FFFFFF; color: INK;
  font: 14px/1.4 system-ui, sans-serif; forced-color-adjust: none; }
.bar { display: flex; flex-wrap: wrap; gap: 6px 18px; align-items: center; }
.bar label { display: flex; gap: 6px; align-items: center; font-weight: 600; }
select { font: inherit; color: INK; background: #FFFFFF; border: 1px solid SOFT;
  border-radius: 4px; padding: 2px 4px; max-width: 100%; }
code { font: 13px/1.4 ui-monospace, monospace; color: SOFT; }
.key { display: flex; gap: 6px; align-items: center; margin-left: auto; color: SOFT;
  font-size: 12px; flex-wrap: wrap; }
.key i { display: inline-block; height: 12px; border: 1px solid GRID; }
.hatch { background: repeating-linear-gradient(-45deg, #F4F6F8 0 4px,
  #B4BDC6 4px 5px); }
:focus-visible { outline: 3px solid QUERY; outline-offset: 2px; }
.line { overflow-x: auto; margin-top: 8px; padding: 0 4px 4px; }
.track { position: relative; width: max-content; margin: 0 auto; }
.track svg { display: block; overflow: visible; }
.tokens { display: flex; gap: 8px; }
.token { flex: none; display: flex; flex-direction: column; align-items: center; }
.token button { font: inherit; color: INK; background: #FFF6E5; cursor: pointer;
  border: 1.5px solid KEY_COLOR; border-radius: 7px; padding: 4px 9px;
  max-width: 11em; }
.token bdi { display: block; overflow: hidden; text-overflow: ellipsis;
  white-space: pre; }
.token small { font-size: 12px; color: SOFT; min-height: 18px; line-height: 18px; }
.token small.much { color: INK; font-weight: 600; }
.token.blocked button { background: #FFFFFF; border: 1.5px dashed SOFT; color: SOFT; }
.token.key-now button { background: #FFE2A8; }
.token.query button { background: QUERY; border-color: QUERY; color: #FFFFFF;
  font-weight: 600; }
.tall .tokens { gap: 0; }
.tall .token { width: var(--column); }
.tall .token button { writing-mode: vertical-rl; padding: 6px 0; max-width: none;
  width: calc(var(--column) - 3px); height: 7.2em; font-size: 12px; line-height: 1;
  display: flex; align-items: center; justify-content: flex-start; }
.tall .token bdi { max-height: 100%; }
.tall .token small { writing-mode: vertical-rl; min-height: 30px; line-height: 1;
  padding-top: 3px; }
.said { margin: 2px 0 8px; overflow: auto; overflow-wrap: anywhere; }
.said b { color: QUERY; }
.both { display: flex; flex-wrap: wrap; gap: 14px 24px; align-items: flex-start; }
.box { overflow: auto; max-width: 100%; max-height: 640px; padding: 3px; }
.map { display: grid; grid-template-columns: max-content max-content; }
.cols { grid-column: 2; display: flex; align-items: flex-end; }
.cols div { flex: none; display: flex; justify-content: center; }
.cols span { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 8em;
  padding-top: 5px; }
.rows div { display: flex; align-items: center; justify-content: flex-end; }
.rows span { max-width: 7.5em; padding-right: 6px; }
.cols span, .rows span { overflow: hidden; text-overflow: ellipsis; white-space: pre;
  font-size: 12px; line-height: 1.3; unicode-bidi: isolate; }
.now { color: QUERY; font-weight: 700; }
.key-label { font-weight: 700; }
.cells, .heads { position: relative; cursor: crosshair; }
.cells { box-shadow: 0 0 0 1px GRID; }
.cells canvas, .heads canvas { display: block; }
.frame { position: absolute; pointer-events: none; border: 2.5px solid QUERY; }
.cell { position: absolute; pointer-events: none; border: 2px solid INK;
  box-shadow: 0 0 0 1px #FFFFFF; }
.wall { max-width: 100%; }
.heads { cursor: pointer; }
.note { color: SOFT; font-size: 12px; margin-bottom: 4px; }
[hidden] { display: none !important; }
"""

# Tudo o que se vê nasce aqui, de `data`: os textos entram por textContent, nunca como
# marcação, numa árvore à parte (shadow root), que não troca estilos com a página.
_SCRIPT = """
(() => {
  const data = DATA, SVG = "http://www.w3.org/2000/svg";
  const T = data.tokens.length, L = data.layers, H = data.heads;
  const {ink, soft, weights: purple} = data.colors, deep = data.purples[3];

  // Os pesos, em milésimos: weights[((camada * H + cabeça) * T + linha) * T + coluna].
  const weights = new Uint16Array(L * H * T * T);
  const digit = {};
  [...data.alphabet].forEach((letter, i) => { digit[letter] = i; });
  let place = 0;
  const next = () => {
    const first = digit[data.weights[place++]];
    if (first < data.single) return first;
    const more = (first - data.single) * data.alphabet.length;
    return data.single + more + digit[data.weights[place++]];
  };
  for (let line = 0; line < L * H * T; line++) {
    const end = data.causal ? line % T + 1 : T;
    for (let j = 0; j < end; j++) weights[line * T + j] = next();
  }

  // 0 é zero exato; 1 vai de quase nada a um milésimo.
  const short = (v) => v === 0 ? "0"
    : (Math.floor((v + 5) / 10) / 100).toFixed(2).replace(".", ",");
  const full = (v) => v >= 10 || v === 0 ? short(v)
    : v === 1 ? "até 0,001" : `0,00${v}`;

  // Onde se lê um token: o repetido leva a ordem, e o muito longo se corta.
  const count = new Map(), order = data.tokens.map((token) => {
    count.set(token, (count.get(token) ?? 0) + 1);
    return count.get(token);
  });
  const nth = (i) => count.get(data.tokens[i]) > 1 ? ` (${order[i]}º)` : "";
  const cut = (text) => {
    const letters = [...text];
    return letters.length > 40 ? letters.slice(0, 39).join("") + "…" : text;
  };

  // A mesma escala de cores das figuras, de 0 a 1000.
  const stops = data.purples.map(
    (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  const tint = (v) => {
    const x = v / 1000 * (stops.length - 1), i = Math.min(x | 0, stops.length - 2);
    return stops[i].map((c, k) => Math.round(c + (x - i) * (stops[i + 1][k] - c)));
  };
  const tints = Array.from({length: 1001}, (_, v) => tint(v));
  const isDark = (rgb) => rgb.map((c) => (c / 255) ** 2.2)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0) < 0.179;

  const make = (parent, name, attributes = {}, text = "") => {
    const vector = parent.namespaceURI === SVG || name === "svg";
    const node = vector ? document.createElementNS(SVG, name)
      : document.createElement(name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    node.textContent = text;
    return parent.appendChild(node);
  };
  const sharp = (canvas, width, height) => { // nítido também em telas densas
    const dense = window.devicePixelRatio || 1;
    canvas.width = width * dense;
    canvas.height = height * dense;
    canvas.style.cssText = `width:${width}px;height:${height}px`;
    const pen = canvas.getContext("2d");
    pen.scale(dense, dense);
    return pen;
  };
  const clamp = (x, low, high) => Math.max(low, Math.min(x, high));

  const build = (host) => {
    const shadow = host.attachShadow({mode: "open"});
    // No JupyterLab, as setas são do explorador, e os atalhos com Ctrl seguem dele.
    const keep = (on) => host.toggleAttribute("data-lm-suppress-shortcuts", on);
    const isControl = (event) => event.key === "Control" || event.key === "Meta";
    keep(true);
    host.addEventListener("keydown", (event) => { if (isControl(event)) keep(false); });
    host.addEventListener("keyup", (event) => { if (isControl(event)) keep(true); });
    host.addEventListener("focusout", () => keep(true));
    make(shadow, "style", {}, data.style);
    const root = make(shadow, "div",
      {class: "all", role: "group", "aria-label": "Explorador de cabeças"});
    const now = {layer: 0, head: 0, row: T - 1, col: null};
    const at = (i, j) => weights[((now.layer * H + now.head) * T + i) * T + j];
    const isBlocked = (i, j) => data.causal && j > i;

    // --- em cima: camada, cabeça e a escala de cores
    const bar = make(root, "div", {class: "bar"});
    const choose = (name, key, n) => {
      const label = make(bar, "label", {}, name);
      const select = make(label, "select", {"aria-label": name});
      for (let i = 0; i < n; i++) make(select, "option", {value: i}, i);
      label.hidden = n === 1;
      select.addEventListener("change", () => {
        now[key] = Number(select.value);
        drawHead();
      });
      return select;
    };
    const layerSelect = choose("Camada", "layer", L);
    const headSelect = choose("Cabeça", "head", H);
    const index = make(bar, "code");
    const key = make(bar, "div", {class: "key"});
    make(key, "span", {}, "peso de atenção: 0");
    make(key, "i", {style: "width:90px;background:linear-gradient(90deg,"
      + data.purples.join(",") + ")"});
    make(key, "span", {}, "1");
    if (data.causal) {
      make(key, "i", {class: "hatch", style: "width:18px;margin-left:8px"});
      make(key, "span", {}, "não pode olhar");
    }

    // --- a frase e os arcos
    const line = make(root, "div", {class: "line"});
    const track = make(line, "div", {class: "track"});
    const sky = make(track, "svg", {"aria-hidden": "true"});
    const tokens = make(track, "div", {class: "tokens", role: "radiogroup",
      "aria-label": "Consulta: de que token partem os arcos"});
    const chips = data.tokens.map((token, i) => {
      const box = make(tokens, "div", {class: "token"});
      const button = make(box, "button", {type: "button", role: "radio", title: token,
        ...(nth(i) && {"aria-label": token + nth(i)})});
      make(button, "bdi", {}, token);
      const number = make(box, "small", {"aria-hidden": "true"});
      const point = () => { if (now.row !== i || now.col !== null) look(i, null); };
      button.addEventListener("pointerenter", point);
      button.addEventListener("focus", point);
      button.addEventListener("click", () => button.focus());
      return {box, button, number};
    });
    const step = (event, moves) => {
      const move = moves[event.key];
      if (move === undefined || event.ctrlKey || event.altKey || event.metaKey)
        return null; // é um atalho do navegador
      event.preventDefault();
      event.stopPropagation();
      return move;
    };
    tokens.addEventListener("keydown", (event) => {
      const i = now.row;
      const to = step(event, {ArrowLeft: i - 1, ArrowUp: i - 1, ArrowRight: i + 1,
        ArrowDown: i + 1, Home: 0, End: T - 1});
      if (to !== null) chips[clamp(to, 0, T - 1)].button.focus();
    });
    const said = make(root, "div", {class: "said", "aria-live": "polite"});

    // --- o mapa
    const both = make(root, "div", {class: "both"});
    const mapSide = make(both, "div", {style: "max-width:100%"});
    make(mapSide, "div", {class: "note"}, "linha = consulta, coluna = chave");
    const map = make(make(mapSide, "div", {class: "box"}), "div", {class: "map"});
    const labels = (side) => data.tokens.map((token) =>
      make(make(side, "div"), "span", {title: token}, token));
    const cols = make(map, "div", {class: "cols", "aria-hidden": "true"});
    const colLabels = labels(cols);
    const rows = make(map, "div", {class: "rows", "aria-hidden": "true"});
    const rowLabels = labels(rows);
    const cells = make(map, "div", {class: "cells", tabindex: 0, role: "application",
      "aria-roledescription": "mapa de calor",
      "aria-label": "Mapa de pesos: cada linha é uma consulta, cada coluna é uma "
        + "chave. As setas mudam de célula."});
    const paper = make(cells, "canvas", {"aria-hidden": "true"});
    const frame = make(cells, "div", {class: "frame"});
    const cell = make(cells, "div", {class: "cell"});
    let size = 20; // px de uma célula
    const best = (i) => {
      let top = 0;
      for (let j = 1; j < T; j++) if (at(i, j) > at(i, top)) top = j;
      return top;
    };
    const pointed = (event, area, width, height) => {
      const box = area.getBoundingClientRect();
      return [[event.clientY - box.top, height], [event.clientX - box.left, width]]
        .map(([x, n]) => Math.floor(x / n));
    };
    for (const name of ["pointermove", "pointerdown"])
      cells.addEventListener(name, (event) => {
        const [i, j] = pointed(event, cells, size, size).map((x) => clamp(x, 0, T - 1));
        if (i === now.row && j === now.col) return;
        look(i, j);
        reveal();
      });
    cells.addEventListener("pointerleave", () => {
      if (shadow.activeElement !== cells) look(now.row, null);
    });
    cells.addEventListener("focus", () => look(now.row, now.col ?? best(now.row)));
    cells.addEventListener("blur", () => look(now.row, null));
    cells.addEventListener("keydown", (event) => {
      const i = now.row, j = now.col ?? best(i);
      const to = step(event, {ArrowLeft: [i, j - 1], ArrowRight: [i, j + 1],
        ArrowUp: [i - 1, j], ArrowDown: [i + 1, j], Home: [i, 0], End: [i, T - 1]});
      if (to === null) return;
      look(...to.map((x) => clamp(x, 0, T - 1)));
      reveal();
    });

    // --- todas as cabeças, em miniatura: um atalho de quem usa o mouse
    const all = make(both, "div", {"aria-hidden": "true", class: "wall"});
    all.hidden = L * H === 1;
    const title = L > 1 ? "todas as cabeças (linha = camada): clique em uma"
      : "todas as cabeças: clique em uma";
    const note = make(all, "div", {class: "note"}, title);
    const heads = make(make(all, "div", {class: "box"}), "div", {class: "heads"});
    const wall = make(heads, "canvas");
    const chosen = make(heads, "div", {class: "frame"});
    let side = 30, wrap = H; // px de uma miniatura; quantas por linha
    const GAP = 4;
    const headAt = (event) => {
      const pitch = side + GAP;
      const [y, x] = pointed(event, heads, pitch, pitch);
      const n = y * wrap + x;
      return x >= 0 && x < wrap && n >= 0 && n < L * H ? n : null;
    };
    const headName = (n) => (L > 1 ? `camada ${Math.floor(n / H)}, ` : "")
      + `cabeça ${n % H}`;
    heads.addEventListener("pointermove", (event) => {
      const n = headAt(event);
      note.textContent = n === null ? title : headName(n);
    });
    heads.addEventListener("pointerleave", () => { note.textContent = title; });
    heads.addEventListener("click", (event) => {
      const n = headAt(event);
      if (n === null) return;
      [now.layer, now.head] = [Math.floor(n / H), n % H];
      [layerSelect.value, headSelect.value] = [now.layer, now.head];
      drawHead();
    });

    // --- desenhar
    const drawWall = () => {
      const pitch = side + GAP;
      const pen = sharp(wall, wrap * pitch, Math.ceil(L * H / wrap) * pitch);
      pen.imageSmoothingQuality = "high";
      const small = document.createElement("canvas");
      small.width = small.height = T;
      const ink = small.getContext("2d"), image = ink.createImageData(T, T);
      for (let n = 0; n < L * H; n++) {
        for (let k = 0; k < T * T; k++) {
          image.data.set(tints[weights[n * T * T + k]], 4 * k);
          image.data[4 * k + 3] = 255;
        }
        ink.putImageData(image, 0, 0);
        const x = (n % wrap) * pitch + 2, y = Math.floor(n / wrap) * pitch + 2;
        pen.imageSmoothingEnabled = T > side;
        pen.drawImage(small, x, y, side, side);
        pen.strokeStyle = data.colors.grid;
        pen.strokeRect(x - 0.5, y - 0.5, side + 1, side + 1);
      }
    };
    const drawMap = () => {
      const pen = sharp(paper, T * size, T * size);
      pen.font = "12px system-ui, sans-serif";
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      for (let i = 0; i < T; i++)
        for (let j = 0; j < T; j++) {
          if (isBlocked(i, j)) continue; // transparente: aparece a hachura
          const v = at(i, j), rgb = tints[v];
          pen.fillStyle = `rgb(${rgb})`;
          pen.fillRect(j * size, i * size, size, size);
          if (size < 30) continue; // o número não cabe
          pen.fillStyle = isDark(rgb) ? "#FFFFFF" : "#000000";
          pen.fillText(short(v), (j + 0.5) * size, (i + 0.5) * size + 1);
        }
    };
    const drawArcs = () => {
      const x = chips.map(({box}) => box.offsetLeft + box.offsetWidth / 2);
      const low = 104, from = x[now.row];
      const reach = Math.max(from - x[0], x[T - 1] - from, 1);
      sky.setAttribute("width", track.clientWidth);
      sky.setAttribute("height", low + 8);
      sky.replaceChildren();
      const order = chips.map((_, j) => j).filter((j) => at(now.row, j) >= 5)
        .sort((a, b) => at(now.row, a) - at(now.row, b)); // o mais pesado por cima
      for (const j of order) {
        const w = at(now.row, j) / 1000, paint = j === now.col ? deep : purple;
        let [start, end] = [from, x[j]];
        let high = 0.3 + 0.68 * Math.abs(end - start) / reach;
        if (j === now.row) [start, end, high] = [from - 7, from + 7, 0.3];
        const knee = low - 4 / 3 * high * (low - 6); // assim o ápice fica em high
        make(sky, "path", {fill: "none", stroke: paint, "stroke-width": 1 + 5 * w,
          d: `M ${start} ${low} C ${start} ${knee} ${end} ${knee} ${end} ${low}`});
        const half = 3 + 4 * w;
        make(sky, "path", {fill: paint, d: `M ${end - half} ${low - half} `
          + `h ${2 * half} L ${end} ${low + half} Z`});
      }
    };
    const put = (text) => said.append(text);
    const token = (name, i) => {
      const title = data.tokens[i];
      const node = make(said, name, {dir: "auto", title}, cut(title));
      put(nth(i));
      return node;
    };
    const say = () => {
      const {row, col} = now;
      said.replaceChildren();
      token("b", row).style.unicodeBidi = "isolate";
      if (col !== null) {
        put(" → ");
        token("bdi", col);
        put(isBlocked(row, col) ? ": não pode olhar" : `: ${full(at(row, col))}`);
        return;
      }
      const top = data.tokens.map((_, j) => j).filter((j) => at(row, j) > 0)
        .sort((a, b) => at(row, b) - at(row, a) || a - b).slice(0, 4)
        .filter((j, n) => n === 0 || at(row, j) >= 5); // os que têm arco
      put(top.length ? " olha para: " : " não olha para nenhum: a linha é toda 0");
      top.forEach((j, n) => {
        if (n) put(" · ");
        token("bdi", j);
        put(` ${full(at(row, j))}`);
      });
    };
    const drawRow = () => {
      const {row, col} = now;
      chips.forEach(({box, button, number}, j) => {
        const v = at(row, j), blocked = isBlocked(row, j);
        box.className = "token" + (j === row ? " query" : blocked ? " blocked" : "")
          + (j === col ? " key-now" : "");
        number.textContent = blocked ? "" : short(v);
        number.className = v >= 100 ? "much" : "";
        button.setAttribute("aria-checked", j === row);
        button.tabIndex = j === row ? 0 : -1;
        rowLabels[j].className = j === row ? "now" : "";
        colLabels[j].className = j === col ? "key-label" : "";
      });
      frame.style.cssText = `left:-2px;top:${row * size - 2}px;`
        + `width:${T * size + 4}px;height:${size + 4}px`;
      cell.hidden = col === null;
      if (col !== null) cell.style.cssText = `left:${col * size - 1}px;`
        + `top:${row * size - 1}px;width:${size + 2}px;height:${size + 2}px`;
      drawArcs();
      say();
    };
    const look = (row, col) => {
      Object.assign(now, {row, col});
      drawRow();
    };
    const reveal = () => { // a frase comprida rola até a consulta
      const {box} = chips[now.row];
      line.scrollLeft = box.offsetLeft + box.offsetWidth / 2 - line.clientWidth / 2;
    };
    const drawHead = () => {
      const n = now.layer * H + now.head;
      index.textContent = "weights[" + (L > 1 ? `${now.layer}, ` : "") + `${now.head}]`;
      const pitch = side + GAP;
      chosen.style.cssText = `left:${n % wrap * pitch}px;`
        + `top:${Math.floor(n / wrap) * pitch}px;`
        + `width:${side + 4}px;height:${side + 4}px`;
      drawMap();
      drawRow();
    };
    const arrange = () => {
      const width = root.clientWidth - 28;
      if (width <= 0) return; // ainda não está na tela
      said.style.height = width < 560 ? "5.7em" : "2.9em"; // fixa: o mapa não pula
      line.classList.remove("tall");
      sky.setAttribute("width", 0); // a largura de antes não conta
      if (line.scrollWidth > line.clientWidth) {
        const column = clamp(Math.floor((line.clientWidth - 8) / T), 15, 40);
        line.classList.add("tall");
        track.style.setProperty("--column", `${column}px`);
      }
      for (const labels of [rows, cols]) labels.hidden = false;
      const room = width - rows.offsetWidth - 8;
      const wanted = L * H === 1 ? 0 : 24 + (L > 1 ? clamp(H * 24, 176, 320) : 176);
      size = Math.floor(Math.min((room - wanted) / T, 460 / T, 36));
      let beside = width - wanted > 0;
      if (size < 12) { // não cabem lado a lado: as miniaturas vão para baixo
        size = Math.floor(Math.min(room / T, 460 / T, 36));
        beside = false;
      }
      if (size < 12) { // nem os nomes
        for (const labels of [rows, cols]) labels.hidden = true;
        size = Math.floor(clamp(Math.min((width - 8) / T, 460 / T), 3, 36));
      }
      for (const label of [...rows.children]) label.style.height = `${size}px`;
      for (const label of [...cols.children]) label.style.width = `${size}px`;
      cells.className = data.causal ? "cells hatch" : "cells";
      const left = beside ? width - 26 - mapSide.offsetWidth : width;
      wrap = L > 1 ? H : Math.min(H, Math.max(2, Math.floor(left / 48)));
      const lines = Math.ceil(L * H / wrap); // a parede fica da altura do mapa
      side = Math.floor(clamp(Math.min((left - 8) / wrap, 460 / lines) - GAP, 14, 110));
      all.style.width = `${Math.max(wrap * (side + GAP) + 6, 170)}px`;
      drawWall();
      drawHead();
      reveal();
    };
    new ResizeObserver(arrange).observe(host);
    arrange();
  };
  for (const host of document.querySelectorAll("[data-heads='KEY']"))
    if (!host.shadowRoot) build(host);
})();
"""


def show_heads(tokens, weights) -> None:
    """Mostra o explorador: escolhe-se a cabeça, aponta-se um token, e lê-se o mapa.

    tokens: T textos
    weights: os pesos de uma frase, (H, T, T) ou (L, H, T, T): tensor, array, listas,
        ou uma lista de L tensores (H, T, T); (T, T) vale por uma cabeça só. Cada linha
        soma 1, ou é toda 0 (a consulta que não pode olhar para chave nenhuma)
    Devolve: nada. Mostra o explorador e, embaixo, os mapas parados de até 16 cabeças,
        com a descrição deles. Os pesos são guardados com erro de no máximo 0,001, e as
        duas casas que se leem são as de ``figures.comma``. Onde todo o triângulo de
        cima é exatamente 0, ele sai hachurado: é a máscara causal.
    Erro: TypeError ou ValueError, com os números, se as formas não combinam, se há NaN
        ou peso negativo, se uma linha não soma 1, ou se passa dos limites: 200 tokens
        e 250.000 pesos (144 cabeças de 41 tokens, ou 6 de 200).

    >>> show_heads("o gato", [[0.5, 0.5], [0.9, 0.1]])
    Traceback (most recent call last):
    TypeError: tokens deve ser uma lista, mas veio um texto: use split().
    """
    from attention_lab import figures

    names = [_visible(token) for token in _tokens(tokens)]
    maps = _maps(weights, len(names))
    causal = len(names) > 1 and not np.triu(maps, 1).any()
    page = _html(names, maps, causal)
    fig, alt = _still(names, maps, causal)
    if figures.get_ipython() is not None:
        text = f"Explorador de cabeças, para apontar e clicar. {_sizes(maps)}."
        figures.display({"text/html": page, "text/plain": text}, raw=True)
    _show(fig, alt)


# --- o HTML -----------------------------------------------------------------------


def _html(names, maps, causal) -> str:
    """O explorador; os mesmos bytes para os mesmos pesos."""
    from attention_lab import figures

    colors, style = figures.COLORS, _STYLE
    roles = {
        "QUERY": "q",
        "KEY_COLOR": "k",
        "INK": "ink",
        "SOFT": "soft",
        "GRID": "grid",
    }
    for word, role in roles.items():
        style = style.replace(word, colors[role])
    data = {
        "tokens": names,
        "layers": maps.shape[0],
        "heads": maps.shape[1],
        "causal": causal,
        "colors": colors,
        "purples": figures._PURPLES,
        "style": style,
        "alphabet": ALPHABET,
        "single": SINGLE,
        "weights": _pack(maps, causal),
    }
    packed = json.dumps(data).replace("<", "\\u003c")  # nenhum texto fecha o script
    key = hashlib.sha256(packed.encode()).hexdigest()[:12]
    script = _SCRIPT.replace("KEY", key, 1).replace("DATA", packed, 1)
    return f'<div data-heads="{key}"></div><script>{script}</script>'


def _pack(maps, causal) -> str:
    """Os pesos em milésimos, um ou dois caracteres cada; sem o futuro, se é causal."""
    thousandths = _thousandths(maps)
    rows, cols = np.indices(maps.shape[-2:])
    kept = thousandths[..., rows >= cols] if causal else thousandths
    high, low = np.divmod(np.arange(1001 - SINGLE), len(ALPHABET))
    pairs = [ALPHABET[SINGLE + h] + ALPHABET[d] for h, d in zip(high, low)]
    codes = np.array([*ALPHABET[:SINGLE], *pairs])
    return "".join(codes[kept.ravel()])


def _thousandths(maps) -> np.ndarray:
    """De 0 a 1000, com erro de no máximo 0,001; 0 só o zero exato.

    O milésimo mais próximo entre os que têm os centésimos certos: 0,9349 vira 934, e
    não 935, que se leria 0,94.
    """
    hundredths = [round(weight, 2) for weight in maps.ravel().tolist()]
    hundredths = np.rint(1000 * np.reshape(hundredths, maps.shape))
    near = np.clip(np.rint(1000 * maps), hundredths - 5, hundredths + 4)
    near = np.where(maps > 0, np.maximum(near, 1), 0)
    return np.minimum(near, 1000).astype(int)


# --- a figura parada --------------------------------------------------------------


def _still(names, maps, causal):
    """A figura com os mapas das cabeças que cabem, e o que ela mostra, em palavras."""
    from attention_lab import figures

    n_layers, n_heads, n_tokens, _ = maps.shape
    room = min(MAX_MAPS, max(MAX_CELLS // n_tokens**2, 1))
    indices, note = list(np.ndindex(n_layers, n_heads)), ""
    if len(indices) > room:  # não cabem todas: as primeiras da primeira camada
        note = f"de {len(indices)} cabeças" + ", camada 0" * (n_layers > 1)
        indices = indices[: min(n_heads, room)]
        note = f"Aqui, {len(indices)} {note}; no explorador, todas."
    labelled = n_tokens <= MAX_LABELLED
    one_layer = n_layers == 1 or note
    n_cols = min(len(indices), n_heads, 4 if labelled or not one_layer else 6)
    n_rows = math.ceil(len(indices) / n_cols)
    width = n_cols * (4.4 if labelled else 2.8)
    width = 5.2 if n_cols == 1 else min(width, figures.MAX_WIDTH)
    height = 0.4 + n_rows * (0.35 + 0.88 * width / n_cols)
    fig, axes = figures.canvas(n_rows, n_cols, width=width, height=height)
    axes = np.ravel(axes)
    labels = [_short(name) for name in names]
    mask = np.tri(n_tokens, dtype=bool) if causal else None
    for ax, (layer, head) in zip(axes, indices):
        title = f"cabeça {head}" if one_layer else f"camada {layer}, cabeça {head}"
        if labelled and n_cols <= 2:  # largo o bastante para os números
            bar = len(indices) == 1
            options = {"mask": mask, "title": title, "colorbar": bar}
            figures.weights_map(ax, maps[layer, head], labels, **options)
        else:
            _miniature(ax, maps[layer, head], labels if labelled else [], mask, title)
    for ax in axes[len(indices) :]:
        ax.axis("off")
    if note:
        fig.suptitle(note, x=0.01, ha="left", fontsize=10)
    return fig, f"{_alt(names, maps, indices)} {note}"


def _miniature(ax, weights, labels, mask, title) -> None:
    """Um mapa pequeno: sem números, e com os tokens só na borda da figura."""
    from attention_lab import figures

    n = len(weights)
    if mask is not None:
        weights = np.ma.masked_array(weights, ~mask)
        ax.add_patch(figures.Rectangle((-0.5, -0.5), n, n, zorder=0, **figures._HATCH))
    ax.imshow(weights, cmap=figures.WEIGHTS_MAP, vmin=0, vmax=1)
    ink, soft = figures.COLORS["ink"], figures.COLORS["soft"]
    ax.set_title(title, loc="left", fontsize=9, weight="bold", color=ink, pad=5)
    ax.spines[:].set(visible=True, color=figures.COLORS["grid"])
    ax.set(xticks=[], yticks=[])
    ax.xaxis.set_label_position("top")
    spec = ax.get_subplotspec()
    style = {"fontsize": figures.MIN_SIZE, "color": ink}
    labels = [label.replace("$", r"\$") for label in labels]  # $ abriria fórmula
    if spec.is_first_row() and labels:
        ax.xaxis.tick_top()
        ax.set_xticks(range(n), labels, rotation=90, **style)
    elif spec.is_first_row():
        ax.set_xlabel("chave (coluna)", fontsize=10, color=soft)
    if spec.is_first_col() and labels:
        ax.set_yticks(range(n), labels, **style)
    elif spec.is_first_col():
        ax.set_ylabel("consulta (linha)", fontsize=10, color=soft)
    ax.tick_params(length=0)


def _alt(names, maps, indices) -> str:
    """O que se vê na última linha de cada mapa, que é a que o explorador abre."""
    found = []
    quoted = [f"“{_short(name)}”" for name in names]
    called = [  # um token repetido leva a ordem
        f"{names[: i + 1].count(name)}º {quoted[i]}"
        if names.count(name) > 1
        else quoted[i]
        for i, name in enumerate(names)
    ]
    for layer, head in indices:
        row = maps[layer, head, -1]
        top = int(row.argmax())
        seen = f"{called[top]} ({_comma(row[top])})" if row[top] else "nenhum"
        name = f"cabeça {head}"
        if len(maps) > 1:
            name = f"camada {layer}, {name}"
        found.append(f"{name}, {seen}")
    return (
        f"Mapas de pesos de atenção: {_sizes(maps)}. Para onde mais olha o último, "
        f"{quoted[-1]}: {'; '.join(found)}."
    )


def _show(fig, alt) -> None:
    """Como ``figures.show``, sem o aviso de que falta a letra de um emoji na fonte."""
    from attention_lab import figures

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figures.show(fig, alt)


# --- textos -----------------------------------------------------------------------


_UNSEEN = ("Cc", "Cs", "Zl", "Zp")
_DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def _visible(token: str) -> str:
    """O token como se lê: o que não se vê ganha um sinal ou um nome.

    Os controles de direção saem: trocariam de lugar o texto em volta.
    """
    if not token:
        return "(vazio)"
    if all(unicodedata.category(c) == "Cf" for c in token):
        return " ".join(f"U+{ord(c):04X}" for c in token)
    if token.isspace() and "\n" not in token and "\t" not in token:
        return "␣" * len(token)
    token = token.replace("\r", "").replace("\n", "↵").replace("\t", "⇥")
    return "".join(
        "�" if unicodedata.category(c) in _UNSEEN or c in _DIRECTIONS else c
        for c in token
    )


def _short(name: str) -> str:
    return name if len(name) <= 16 else name[:15] + "…"


def _comma(number, decimals: int = 2) -> str:
    from attention_lab.figures import comma

    return comma(number, decimals)


def _sizes(maps) -> str:
    n_layers, n_heads, n_tokens, _ = maps.shape
    heads = f"{n_heads} cabeça{'s' * (n_heads > 1)}"
    layers = f"{n_layers} camadas de " * (n_layers > 1)
    return f"{layers}{heads}, {n_tokens} token{'s' * (n_tokens > 1)}"


# --- conferências: o que era esperado, o que veio, com números ---------------------


def _tokens(tokens) -> list[str]:
    if isinstance(tokens, str | bytes):
        raise TypeError("tokens deve ser uma lista, mas veio um texto: use split().")
    each = tokens if isinstance(tokens, list | tuple) else ()
    if any(hasattr(part, "detach") for part in (tokens, *each)):
        raise TypeError(
            "tokens deve ser uma lista de textos, mas veio um tensor: decodifique os "
            "ids, [vocabulary.words[i] for i in ids]."
        )
    try:
        tokens = list(tokens)
    except TypeError:
        raise TypeError(
            f"tokens deve ser uma lista de textos, mas veio {type(tokens).__name__}."
        ) from None
    tokens = [str(token) for token in tokens]
    letters = sum(map(len, tokens))
    if letters > MAX_LETTERS:
        raise ValueError(
            f"os tokens têm {letters} caracteres, mas o explorador guarda até "
            f"{MAX_LETTERS}: mostre um trecho menor."
        )
    return tokens


def _maps(weights, n_tokens: int) -> np.ndarray:
    """(L, H, T, T), com as formas e cada linha conferidas."""
    from attention_lab import figures

    shape = _shape(weights)
    _check_shape(shape, n_tokens)
    try:
        maps = np.asarray(figures._plain(weights))
        if np.iscomplexobj(maps):
            raise TypeError("complexos")
        maps = maps.astype(float)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise TypeError(
            "weights deve ter só números reais, e mapas do mesmo tamanho nas cabeças "
            f"todas, mas veio {type(weights).__name__}."
        ) from None
    _check_shape(maps.shape, n_tokens)
    _check_values(maps)
    return maps.reshape((1,) * (4 - maps.ndim) + maps.shape).clip(0, 1)


def _shape(weights) -> tuple[int, ...]:
    """A forma, antes de copiar os números: podem ser muitos."""
    if weights is None:
        raise TypeError(
            "weights é None: esta função de atenção (attend) não devolve os pesos, "
            "como a SDPA. Troque-a por attention, e peça os pesos de novo."
        )
    if isinstance(weights, list | tuple):
        first = [_shape(part) for part in weights][:1]
        return (len(weights), *(first[0] if first else ()))
    return tuple(getattr(weights, "shape", ()))


def _check_shape(shape, n_tokens):
    came = f"mas veio a forma {shape}"
    if len(shape) == 5:
        axis = 1 if shape[1] == 1 < shape[0] else 0
        way = "weights[0]" if axis == 0 else "[layer[0] for layer in weights]"
        raise ValueError(
            f"weights deve ser de uma frase só, (L, H, T, T), {came}: tire o eixo "
            f"{axis}, o do batch, com {way}."
        )
    if len(shape) not in (2, 3, 4) or 0 in shape:
        raise ValueError(f"weights deve ter a forma (H, T, T) ou (L, H, T, T), {came}.")
    if shape[-2] != shape[-1]:
        raise ValueError(
            f"weights deve ter T linhas e T colunas em cada cabeça, {came}: é preciso "
            "uma linha para cada consulta, sobre os mesmos tokens (sem cache KV)."
        )
    if shape[-1] != n_tokens:
        raise ValueError(
            f"tokens tem {n_tokens} textos, mas weights é de {shape[-1]} tokens, "
            f"{shape}. Inclua os especiais, como <s>, na mesma ordem."
        )
    n_heads, each = math.prod(shape[:-2]), n_tokens**2
    if n_tokens > MAX_TOKENS:
        raise ValueError(
            f"são {n_tokens} tokens, mas o explorador mostra até {MAX_TOKENS}: escolha "
            "um trecho menor."
        )
    if n_heads * each > MAX_WEIGHTS:
        raise ValueError(
            f"são {n_heads} cabeças de {n_tokens} tokens, {n_heads * each} pesos, mas "
            f"o explorador guarda até {MAX_WEIGHTS}. Mostre até {MAX_WEIGHTS // each} "
            "cabeças por vez, como em weights[:2], ou uma frase menor."
        )


def _check_values(maps):
    def name(*index):
        return f"weights[{', '.join(map(str, index))}]"

    for index in np.argwhere(~np.isfinite(maps))[:1]:
        value = str(maps[tuple(index)]).replace("nan", "NaN")
        raise ValueError(
            f"{name(*index)} é {value}: só mostro números finitos. Uma linha toda "
            "mascarada? Na attention do curso, ela vale 0."
        )
    for index in np.argwhere(maps < -1e-6)[:1]:
        raise ValueError(
            f"{name(*index)} = {_comma(maps[tuple(index)], 4)}, mas um peso de atenção "
            "vai de 0 a 1. São escores, antes da softmax?"
        )
    sums = maps.sum(-1)
    wrong = (abs(sums - 1) > TOLERANCE) & maps.any(-1)  # a linha toda 0 é permitida
    for index in np.argwhere(wrong)[:1]:
        advice = " Se o modelo tem dropout, chame model.eval() antes."
        if maps.max() > 1 + TOLERANCE:
            advice = " São escores, antes da softmax?"
        elif (abs(maps.sum(-2) - 1) <= TOLERANCE).all():
            advice = " As colunas é que somam 1: weights.transpose(-2, -1)?"
        raise ValueError(
            f"{name(*index)} soma {_comma(sums[tuple(index)])}, mas a linha de uma "
            f"consulta soma 1.{advice}"
        )
