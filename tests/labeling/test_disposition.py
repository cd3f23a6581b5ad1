import json
import math
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.__main__ import main
from labeling.disposition import GROUPS, disposition, group_of, negligible_types
from labeling.evaluation import read_predictions, score_types

PUBLISHED = Path(__file__).resolve().parents[3] / "shared/data/velm_mvtec_ad/predictions.csv"

words = st.sampled_from(["good", "crack", "hole", "dent", "scratch", "bent", "stain"])
triples = st.lists(st.tuples(st.sampled_from(["a", "b"]), words, words), min_size=1, max_size=40)


@given(st.sets(words), st.integers(0, 9))
def test_one_type_is_negligible_and_two_where_there_are_more_than_four(types, seed):
    defects = types - {"good"}
    found = negligible_types("p", types, seed)
    assert found <= defects
    assert len(found) == min(len(defects), 1 if len(defects) <= 4 else 2)


@given(triples)
def test_each_recall_is_that_of_a_plain_loop(rows):
    card = disposition(rows, seeds=[3])
    recalls = defaultdict(list)
    for product in {product for product, _, _ in rows}:
        own = [(truth, said) for name, truth, said in rows if name == product]
        minor = negligible_types(product, [truth for truth, _ in own], 3)
        for group in GROUPS:
            said = [group_of(p, minor) == group for t, p in own if group_of(t, minor) == group]
            if said:
                recalls[group].append(sum(said) / len(said))
    for group in GROUPS:
        expected = sum(recalls[group]) / len(recalls[group]) if recalls[group] else math.nan
        assert card[group] == pytest.approx(expected, nan_ok=True)


@given(triples)
def test_the_right_type_is_always_the_right_group(rows):
    card = disposition([(product, truth, truth) for product, truth, _ in rows])
    assert {card[group] for group in GROUPS if card[group] == card[group]} == {1.0}
    assert card["mean"] == 1.0


@given(triples)
def test_a_reply_that_is_no_type_counts_as_critical(rows):
    card = disposition([(product, truth, "???") for product, truth, _ in rows])
    assert card["critical"] == 1.0 or math.isnan(card["critical"])
    assert not card["normal"] > 0 and not card["negligible"] > 0


@given(triples)
def test_the_order_of_the_rows_does_not_matter(rows):
    card, turned = disposition(rows), disposition(rows[::-1])
    for group in (*GROUPS, "mean"):
        assert card[group] == pytest.approx(turned[group], nan_ok=True)


def test_a_name_that_two_products_share_is_mapped_for_each_apart():
    shared = ["crack", "hole", "dent", "stain"]
    seed = next(
        n for n in range(99) if negligible_types("a", shared, n) != negligible_types("b", shared, n)
    )
    rows = [(product, name, name) for product in "ab" for name in shared]
    card = disposition(rows, seeds=[seed])
    assert (card["negligible"], card["critical"]) == (1.0, 1.0)


@given(st.lists(words, min_size=1), st.integers(0, 9))
def test_which_types_are_negligible_depends_on_the_product_and_the_seed_alone(types, seed):
    assert negligible_types("a", types, seed) == negligible_types("a", types[::-1] * 2, seed)


def test_the_mean_is_that_of_the_groups_and_of_the_seeds():
    rows = [("a", "crack", "hole"), ("a", "hole", "hole"), ("a", "good", "good")]
    card = disposition(rows)
    assert card["seeds"] == [0, 1, 2, 3, 4] and list(card["per_seed"]) == ["0", "1", "2", "3", "4"]
    assert card["mean"] == pytest.approx(sum(card[group] for group in GROUPS) / 3)
    for group in GROUPS:
        assert card[group] == pytest.approx(sum(s[group] for s in card["per_seed"].values()) / 5)


def test_json_has_null_for_a_group_that_nobody_has(tmp_path, capsys):
    file = tmp_path / "p.csv"
    file.write_text("product,image,truth,predicted\np,1,crack,crack\n")
    assert main(["score-types", str(file), "--json"]) == 0
    card = json.loads(capsys.readouterr().out)["disposition"]
    assert card["normal"] is None and card["negligible"] == 1.0


@pytest.mark.real
def test_the_published_predictions_come_close_to_the_published_split():
    if not PUBLISHED.is_file():
        pytest.skip("the published predictions are not on this machine")
    card = score_types(read_predictions(PUBLISHED))["disposition"]
    assert card["normal"] == pytest.approx(0.993, abs=1e-3)  # no draw is involved
    assert card["negligible"] == pytest.approx(0.775, abs=0.03)  # another draw of five seeds
    assert card["critical"] == pytest.approx(0.865, abs=0.03)
