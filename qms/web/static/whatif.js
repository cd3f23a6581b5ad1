// What other thresholds would have done, while a slider moves. The formula is that of
// qms/reports/whatif.py and the words are those of qms/reports/comparison.py, line by line; tests
// hold them together. Data: looked = [score, bad, weight, always], judged = [score, parts, always].

const UNKNOWN = "not known";
const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);

function wilson(p, trials, z) {
  const extra = (z * z) / trials;
  const middle = (p + extra / 2) / (1 + extra);
  const half = (z * Math.sqrt((p * (1 - p)) / trials + extra / (4 * trials))) / (1 + extra);
  return [p === 0 ? 0 : Math.max(0, middle - half), p === 1 ? 1 : Math.min(1, middle + half)];
}

function effectiveSize(weights) {
  const squares = sum(weights.map((weight) => weight * weight));
  return squares ? sum(weights) ** 2 / squares : 0;
}

// Rows of [hit, weight]: Hájek's ratio, Wilson's interval on Kish's effective size.
function weightedShare(rows, z) {
  if (!rows.length) return { value: null, low: 0, high: 1, n: 0 };
  const weights = rows.map(([, weight]) => weight);
  const hits = rows.filter(([hit]) => hit).map(([, weight]) => weight);
  const value = hits.length === rows.length ? 1 : sum(hits) / sum(weights);
  const [low, high] = wilson(value, effectiveSize(weights), z);
  return { value, low, high, n: rows.length };
}

export function consequences(data, ok, notOk) {
  const { looked, judged, shifts, rules, z } = data;
  const perShift = (parts) => sum(parts.map(([, n]) => n)) / shifts;
  const isAccepted = (score, always) => score < ok && !always;
  const accepted = judged.filter(([score, , always]) => isAccepted(score, always));
  const passed = looked.filter(([score, , , always]) => isAccepted(score, always));
  const bad = looked.filter((part) => part[1]);
  const rejected = perShift(judged.filter(([score]) => score >= notOk));
  const undecided = perShift(judged.filter(([score]) => score >= ok && score < notOk));
  const escapeRate = weightedShare(passed.map((part) => [part[1], part[2]]), z);
  const said = looked.filter(([score]) => score >= notOk);
  const falseCallRate = weightedShare(said.map((part) => [!part[1], part[2]]), z);
  const audits = sum(accepted.map(([score, n]) => n * auditChance(score, ok, data))) / shifts;
  const reviews = audits + perShift(judged.filter((part) => isRouted(part, ok, notOk, rules)));
  const falseCalls = times(falseCallRate.value, rejected);
  const parts = perShift(accepted);
  const escapes = {
    value: times(escapeRate.value, parts), low: escapeRate.low * parts, high: escapeRate.high * parts, n: escapeRate.n,
  };
  return {
    accepted: parts, undecided, rejected, reviews, audits, escapes,
    false_calls: falseCalls,
    false_call_rate: falseCallRate,
    escape_rate: escapeRate,
    defects_accepted: passed.filter((part) => part[1]).length,
    defects_known: bad.length,
    miss_rate: weightedShare(bad.map((part) => [isAccepted(part[0], part[3]), part[2]]), z),
    cost: cost(rules, reviews, falseCalls, escapes),
    like: effectiveSize(passed.map((part) => part[2])),
  };
}

function isRouted([score, , always], ok, notOk, rules) {
  if (always) return true;
  if (score >= notOk) return rules.route_not_ok;
  return score >= ok && rules.route_uncertain;
}

function auditChance(score, ok, { rules, strata }) {
  const relative = ok > 0 ? score / ok : 1;
  const [, factor] = strata.find(([below]) => relative < below) ?? strata.at(-1);
  return 1 - (1 - rules.audit_share) ** factor;
}

function times(rate, parts) {
  if (!parts) return 0;
  return rate === null ? null : rate * parts;
}

function cost(rules, reviews, falseCalls, escapes) {
  if (falseCalls === null || escapes.value === null) return { value: null, low: 0, high: 0, n: escapes.n };
  const sure = rules.cost_review * reviews + rules.cost_false_call * falseCalls;
  const at = (some) => sure + rules.cost_escape * some;
  return { value: at(escapes.value), low: at(escapes.low), high: at(escapes.high), n: escapes.n };
}

// --- in words ---

function fixed(value, digits = 1) {
  const [whole, rest] = Math.abs(value).toFixed(digits).split(".");
  const text = whole.replace(/\B(?=(\d{3})+$)/g, ",") + (rest ? `.${rest}` : "");
  return value < 0 && /[1-9]/.test(text) ? `-${text}` : text;
}

const counted = ({ value, low, high }) =>
  value === null ? UNKNOWN : `${fixed(value)} (${fixed(low)} to ${fixed(high)})`;
const rate = ({ value, low, high }) =>
  value === null ? UNKNOWN : `${fixed(100 * value)} % (${fixed(100 * low)} to ${fixed(100 * high)} %)`;
const missed = (c) => c.miss_rate.value === null
  ? UNKNOWN : `${c.defects_accepted} of ${c.defects_known} (${fixed(100 * c.miss_rate.value)} % of all)`;

// Of each line: its figure, its text, the words of a rise and a fall, what a rise is, a share?, its digits
const MEASURES = {
  reviews: [(c) => c.reviews, (c) => fixed(c.reviews), "more", "fewer", "worse"],
  accepted: [(c) => c.accepted, (c) => fixed(c.accepted), "more", "fewer", ""],
  false_calls: [(c) => c.false_calls, (c) => (c.false_calls === null ? UNKNOWN : fixed(c.false_calls)), "more", "fewer", "worse"],
  false_call_rate: [(c) => c.false_call_rate.value, (c) => rate(c.false_call_rate), "higher", "lower", "worse", true],
  escapes: [(c) => c.escapes.value, (c) => counted(c.escapes), "more", "fewer", "worse"],
  escape_rate: [(c) => c.escape_rate.value, (c) => rate(c.escape_rate), "higher", "lower", "worse", true],
  defects_accepted: [(c) => c.defects_accepted, missed, "more", "fewer", "worse", false, 0],
  cost: [(c) => c.cost.value, (c) => counted(c.cost), "dearer", "cheaper", "worse"],
};

export function lines(present, chosen) {
  return Object.entries(MEASURES).map(([key, [value, text, more, less, rise, points, digits]]) => {
    const [change, direction] = changed(value(present), value(chosen), more, less, rise, points, digits);
    return { key, chosen: text(chosen), change, direction };
  });
}

function changed(before, after, more, less, rise, points, digits = 1) {
  if (before === null || after === null) return ["–", ""];
  const difference = (after - before) * (points ? 100 : 1);
  const text = fixed(Math.abs(difference), digits);
  if (text === fixed(0, digits)) return ["no change", "same"];
  const rises = difference > 0;
  const words = `${rises ? "+" : "−"}${text}${points ? " points" : ""} ${rises ? more : less}`;
  return [words, rises ? rise : rise && "better"];
}

export function doubt(data, chosen) {
  const missing = Math.max(0, data.needed - Math.floor(chosen.like));
  if (!missing) return "";
  const seen = chosen.escape_rate.n;
  const begin = seen
    ? `Too little is known of escapes: ${seen} parts below the accept threshold were seen by people and count like ${fixed(Math.floor(chosen.like), 0)} drawn evenly.`
    : "Nothing is known of escapes: nobody has seen a part below the accept threshold.";
  const when = chosen.audits
    ? `: at the recipe's share that takes ${fixed(missing / chosen.audits)} shifts`
    : "; the recipe audits nothing at present";
  return `${begin} To tell a rate of ${fixed(100 * data.told, 0)} % from none, ${missing} more audits are needed${when}.`;
}

// --- the page ---

const page = document.querySelector("[data-whatif]");
if (page) live(page);

function live(page) {
  const data = JSON.parse(document.getElementById("whatif-data").textContent);
  const present = consequences(data, ...data.present);
  const find = (what, name) => page.querySelector(`[data-${what}="${name}"]`);
  const at = { ok: Number(find("field", "ok").value), not_ok: Number(find("field", "not_ok").value) };

  function move(name, value) {
    if (!Number.isFinite(value) || value < 0) return;
    at[name] = value;
    if (at.ok > at.not_ok) at[name === "ok" ? "not_ok" : "ok"] = value; // one pushes the other
    show(name);
  }

  function show(moved) {
    for (const name of ["ok", "not_ok"]) {
      if (document.activeElement !== find("field", name) || name !== moved) find("field", name).value = at[name];
      find("slider", name).value = at[name];
      const sent = find("sent", name); // only who may publish has it
      if (sent) sent.value = at[name];
      if (sent) find("sent-words", name).textContent = at[name].toFixed(3);
    }
    tell();
    draw();
  }

  function tell() {
    const chosen = consequences(data, at.ok, at.not_ok);
    for (const line of lines(present, chosen)) {
      const row = find("line", line.key);
      row.querySelector("[data-chosen]").textContent = line.chosen;
      const change = row.querySelector("[data-change]");
      change.textContent = line.change;
      change.dataset.direction = line.direction;
    }
    const words = doubt(data, chosen);
    page.querySelector("[data-doubt]").hidden = !words;
    page.querySelector("[data-doubt-words]").textContent = words;
  }

  function draw() {
    const [low, high] = data.scale;
    const x = (score) => (1000 * Math.min(1, Math.max(0, (score - low) / (high - low)))).toFixed(2);
    for (const name of ["ok", "not_ok"]) {
      for (const side of ["x1", "x2"]) find("mark", name).setAttribute(side, x(at[name]));
    }
    find("zone", "ok").setAttribute("width", x(at.ok));
    find("zone", "between").setAttribute("x", x(at.ok));
    find("zone", "between").setAttribute("width", x(at.not_ok) - x(at.ok));
    find("zone", "not_ok").setAttribute("x", x(at.not_ok));
    find("zone", "not_ok").setAttribute("width", 1000 - x(at.not_ok));
  }

  page.addEventListener("input", (event) => {
    const { slider, field } = event.target.dataset;
    if (slider) move(slider, Number(Number(event.target.value).toPrecision(5)));
    if (field && event.target.value !== "") move(field, Number(event.target.value));
  });
  // What is tried stands in the address: it can be sent, and a refused signature leads back to it.
  page.addEventListener("change", (event) => { if (event.target.closest(".sliders")) keep(); });
  function keep() {
    const address = new URL(location);
    for (const name of ["ok", "not_ok"]) address.searchParams.set(name, at[name]);
    history.replaceState(null, "", address);
  }

  page.querySelector("[data-reset]").addEventListener("click", () => {
    [at.ok, at.not_ok] = data.present;
    show("");
    keep();
  });
}
