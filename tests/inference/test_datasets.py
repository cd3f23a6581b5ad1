import pytest

from inference.datasets import (
    BadDataset,
    confirmed,
    defects_to_fit,
    labelled,
    normals_to_fit,
    of_the_same_parts,
    read,
)
from tests.inference.pictures import noise, png, real

HEADER = "path,split,label,defect_type,mask,group,note\n"


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png(noise(0, 16, 16)))


def manifest(folder, *lines):
    (folder / "manifest.csv").write_text(HEADER + "".join(f"{line}\n" for line in lines))
    return folder


def test_a_manifest_is_read_row_by_row(tmp_path):
    touch(tmp_path, "a.png", "b.png", "m.png")
    rows = read(manifest(tmp_path, "a.png,train,good,,,p1,", "b.png,test,defect,hole,m.png,p2,odd"))
    assert [(row.path.name, row.split, row.label, row.group) for row in rows] == [
        ("a.png", "train", "good", "p1"),
        ("b.png", "test", "defect", "p2"),
    ]
    assert rows[1].defect_type == "hole" and rows[1].mask == tmp_path / "m.png"
    assert rows[1].is_defect and not rows[0].is_defect
    assert read(tmp_path / "manifest.csv") == rows


def test_fitting_takes_the_good_ones_of_the_train_split(tmp_path):
    touch(tmp_path, "a.png", "b.png", "c.png")
    manifest(tmp_path, "a.png,train,good,,,,", "b.png,train,defect,x,,,", "c.png,test,good,,,,")
    assert [row.path.name for row in normals_to_fit(tmp_path)] == ["a.png"]


def test_unknown_labels_are_not_scored(tmp_path):
    touch(tmp_path, "a.png", "b.png")
    manifest(tmp_path, "a.png,test,good,,,,", "b.png,test,unknown,,,,")
    assert [row.path.name for row in labelled(tmp_path, "test")] == ["a.png"]


def test_the_layout_of_mvtec_is_read(tmp_path):
    touch(
        tmp_path, "train/good/0.png", "test/good/1.png", "test/hole/2.png", "test/cut/3.png",
        "ground_truth/hole/2_mask.png",
    )  # fmt: skip
    found = {row.path.name: row for row in read(tmp_path)}
    assert [row.path.name for row in normals_to_fit(tmp_path)] == ["0.png"]
    assert found["2.png"].defect_type == "hole"
    assert found["2.png"].mask == tmp_path / "ground_truth/hole/2_mask.png"
    assert found["3.png"].is_defect and found["3.png"].mask is None
    assert found["1.png"].label == "good" and found["1.png"].split == "test"


def test_a_flat_folder_holds_normals(tmp_path):
    touch(tmp_path, "b.PNG", "a.jpg")
    (tmp_path / "readme.txt").write_text("x")
    assert [row.path.name for row in normals_to_fit(tmp_path)] == ["a.jpg", "b.PNG"]
    with pytest.raises(BadDataset, match="no labelled pictures in the split 'test'"):
        labelled(tmp_path, "test")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("a.png,train,fine,,,,", "line 2: the label 'fine' is not one of good, defect, unknown"),
        ("b.png,train,good,,,,", "line 2: the file b.png is missing"),
        ("../a.png,train,good,,,,", "is not a path inside the data set"),
        ("/etc/hosts,train,good,,,,", "is not a path inside the data set"),
        (",train,good,,,,", "is not a path inside the data set"),
        ("a.png,test,defect,x,m.png,,", "the file m.png is missing"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(tmp_path, line, says):
    touch(tmp_path, "a.png")
    with pytest.raises(BadDataset, match=says):
        read(manifest(tmp_path, line))


def test_a_manifest_without_a_needed_column_is_refused(tmp_path):
    (tmp_path / "manifest.csv").write_text("path,split\n")
    with pytest.raises(BadDataset, match="lacks the column label"):
        read(tmp_path)


def test_a_picture_that_is_named_twice_is_refused_with_both_lines(tmp_path):
    touch(tmp_path, "a.png", "b.png")
    lines = ("a.png,train,good,,,p1,", "b.png,train,good,,,p2,", "a.png,test,defect,hole,,p1,")
    with pytest.raises(BadDataset, match=r"line 4: a\.png is named in line 2 already"):
        read(manifest(tmp_path, *lines))


def test_a_header_in_quotes_is_read(tmp_path):
    touch(tmp_path, "a.png")
    (tmp_path / "manifest.csv").write_text('"path","split","label"\n"a.png","train","good"\n')
    assert [row.path.name for row in read(tmp_path)] == ["a.png"]


def test_a_folder_that_is_called_like_a_picture_is_none(tmp_path):
    touch(tmp_path, "a.png")
    (tmp_path / "b.png").mkdir()
    assert [row.path.name for row in read(tmp_path)] == ["a.png"]


def test_an_empty_manifest_is_refused(tmp_path):
    with pytest.raises(BadDataset, match="has no rows"):
        read(manifest(tmp_path))


def test_a_manifest_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "manifest.csv").write_bytes(b"\xff\xfe\x00path")
    with pytest.raises(BadDataset, match="cannot be read as CSV"):
        read(tmp_path)


def test_a_place_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadDataset, match="no folder or manifest"):
        read(tmp_path / "nowhere")


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(BadDataset, match="no pictures"):
        read(tmp_path)


def test_defects_to_fit_are_those_of_the_train_split_with_a_mask(tmp_path):
    touch(tmp_path, "a.png", "b.png", "c.png", "d.png", "m.png")
    manifest(
        tmp_path, "a.png,train,defect,x,m.png,,", "b.png,train,defect,x,,,",
        "c.png,test,defect,x,m.png,,", "d.png,train,good,,,,",
    )  # fmt: skip
    assert [row.path.name for row in defects_to_fit(tmp_path)] == ["a.png"]
    assert defects_to_fit(manifest(tmp_path, "d.png,train,good,,,,")) == []


@pytest.fixture
def grouped(tmp_path):
    """Parts p0 .. p5 with a hole and a cut each, and a good view of p0."""
    names = [f"{kind}{part}.png" for part in range(6) for kind in ("hole", "cut")]
    touch(tmp_path, "m.png", "good.png", *names)
    lines = [f"{name},test,defect,{name[:-5]},m.png,p{name[-5]}," for name in names]
    return manifest(tmp_path, "good.png,test,good,,,p0,", *lines)


def test_confirmed_defects_are_drawn_by_type_and_seed(grouped):
    drawn = confirmed(grouped, 2, seed=1)
    assert sorted(row.defect_type for row in drawn) == ["cut", "cut", "hole", "hole"]
    assert drawn == confirmed(grouped, 2, seed=1)
    assert any(drawn != confirmed(grouped, 2, seed=seed) for seed in range(2, 6))
    assert len(confirmed(grouped, 99, seed=1)) == 12


def test_confirmed_groups_are_drawn_whole(grouped):
    for seed in range(4):
        drawn = confirmed(grouped, 2, seed=seed, whole_groups=True)
        groups = {row.group for row in drawn}
        assert len(drawn) == 4 and len(groups) == 2, "the cuts of two parts come with their holes"
        left = {row.path for row in read(grouped)} - {row.path for row in drawn}
        others = of_the_same_parts(grouped, drawn)
        assert {row.path.name for row in others} == ({"good.png"} if "p0" in groups else set())
        assert all(row.path in left for row in others)


def test_nothing_can_be_confirmed_without_masks(tmp_path):
    touch(tmp_path, "a.png")
    with pytest.raises(BadDataset, match="no defects with a mask"):
        confirmed(manifest(tmp_path, "a.png,test,defect,x,,,"), 1, seed=0)


@pytest.mark.real
@pytest.mark.parametrize(("name", "fit", "test"), [("mtd", 473, 617), ("mvtec_screw", 200, 160)])
def test_the_real_sets_have_the_counts_of_their_readme(name, fit, test):
    assert len(normals_to_fit(real(name))) == fit
    assert len(labelled(real(name), "test")) == test
