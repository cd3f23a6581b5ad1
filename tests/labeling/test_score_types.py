import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn import metrics as known

from labeling.__main__ import main
from labeling.evaluation import (
    BadPredictions,
    Prediction,
    kappa,
    macro_f1,
    read_predictions,
    score_types,
)

PUBLISHED = Path(__file__).resolve().parents[3] / "shared/data/velm_mvtec_ad/predictions.csv"

words = st.sampled_from(["good", "crack", "hole", "dent"])
pairs_of_words = st.lists(st.tuples(words, words), min_size=2, max_size=40)


def predictions(product: str, *pairs: tuple[str, str]) -> list[Prediction]:
    return [
        Prediction(product=product, image=f"{product}_{n}", truth=truth, predicted=predicted)
        for n, (truth, predicted) in enumerate(pairs)
    ]


@given(pairs_of_words)
def test_kappa_agrees_with_scikit_learn(pairs):
    truth, predicted = zip(*pairs, strict=True)
    assume(len(set(truth) | set(predicted)) > 1)
    assert kappa(pairs) == pytest.approx(known.cohen_kappa_score(truth, predicted))


@given(pairs_of_words)
def test_macro_f1_agrees_with_scikit_learn(pairs):
    truth, predicted = zip(*pairs, strict=True)
    expected = known.f1_score(truth, predicted, average="macro")
    assert macro_f1(pairs) == pytest.approx(expected)


def test_perfect_agreement_on_one_word_counts_as_perfect():
    assert kappa([("good", "good")] * 3) == 1.0


def test_every_product_weighs_the_same_in_an_object_mean():
    small = predictions("small", ("crack", "hole"))
    large = predictions("large", *[("crack", "crack")] * 9)
    card = score_types(small + large)
    assert card["object_mean_accuracy"] == 0.5
    assert card["anomalies_only_accuracy"] == 0.9
    assert card["per_product"]["small"]["accuracy"] == 0
    assert card["images"] == 10


def test_the_gate_looks_at_flags_and_not_at_types():
    card = score_types(
        predictions("p", ("good", "hole"), ("good", "good"), ("crack", "hole"), ("crack", "good"))
    )
    assert card["gate"] == {"false_alarm_rate": 0.5, "miss_rate": 0.5}
    assert card["type_accuracy_given_flag"] == 0


def test_a_product_without_normals_has_no_false_alarm_rate(tmp_path, capsys):
    file = tmp_path / "p.csv"
    file.write_text("product,image,truth,predicted\np,1,crack,crack\n")
    assert main(["score-types", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["gate"]["false_alarm_rate"] is None


@pytest.mark.real
def test_the_published_predictions_give_the_published_figures(capsys):
    if not PUBLISHED.is_file():
        pytest.skip("the published predictions are not on this machine")
    assert main(["score-types", str(PUBLISHED), "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["object_mean_accuracy"] == pytest.approx(0.814, abs=5e-4)
    assert card["anomalies_only_accuracy"] == pytest.approx(0.728, abs=5e-4)
    assert card["kappa"] == pytest.approx(0.768, abs=5e-4)
    assert card["macro_f1"] == pytest.approx(0.780, abs=5e-4)
    assert card["gate"]["false_alarm_rate"] == pytest.approx(0.0086, abs=5e-5)
    assert card["gate"]["miss_rate"] == pytest.approx(0.039, abs=5e-4)
    assert card["images"] == 1724 and len(card["per_product"]) == 15


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("product,image,truth\n", "lacks the column predicted"),
        ("product,image,truth,predicted\n", "has no rows"),
        ("product,image,truth,predicted\np,1,,crack\n", "line 2: the column truth is empty"),
        ("product,image,truth,predicted\np,1,crack\n", "line 2: the column predicted is empty"),
    ],
)
def test_a_wrong_file_is_refused_with_a_sentence(tmp_path, capsys, content, says):
    file = tmp_path / "p.csv"
    file.write_text(content)
    with pytest.raises(BadPredictions, match=says):
        read_predictions(file)
    assert main(["score-types", str(file)]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path, content):
    file = tmp_path / "p.csv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadPredictions, match="cannot be read as a CSV file"):
        read_predictions(file)


@given(st.lists(st.tuples(words, words, words), min_size=1, max_size=20))
def test_what_is_written_is_read(tmp_path_factory, rows):
    file = tmp_path_factory.mktemp("csv") / "p.csv"
    with file.open("w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(["product", "image", "truth", "predicted"])
        writer.writerows([product, number, *pair] for number, (product, *pair) in enumerate(rows))
    found = [(row.product, row.truth, row.predicted) for row in read_predictions(file)]
    assert found == rows


def test_without_json_a_table_is_printed(tmp_path, capsys):
    file = tmp_path / "p.csv"
    file.write_text("product,image,truth,predicted\np,1,crack,crack\n")
    assert main(["score-types", str(file)]) == 0
    assert "object_mean_accuracy         1.0000" in capsys.readouterr().out


def test_a_reader_that_leaves_and_a_terminal_of_ascii_are_no_faults(tmp_path):
    rows = "product,image,truth,predicted\nbolt,a.png,good,good\nbolt,b.png,Fräser,Fräser\n"
    (tmp_path / "p.csv").write_text(rows, encoding="utf-8")
    command = f"{sys.executable} -m labeling score-types {tmp_path / 'p.csv'}"
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    for reader in ("true", "cat"):
        done = subprocess.run(
            f"{command} | {reader}", shell=True, env=ascii_only, capture_output=True, text=True
        )
        assert done.returncode == 0 and done.stderr == ""
    full = subprocess.run(f"{command} > /dev/full", shell=True, capture_output=True, text=True)
    assert full.returncode == 2
    assert full.stderr.startswith("labeling: the result cannot be written")
    assert "Traceback" not in full.stderr
