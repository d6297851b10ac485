"""Whole runs: sources of every kind, the same bytes however a run goes, errors that say what is wrong."""

import errno
import json
import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import hats
import lsdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from distributed import LocalCluster, Worker
from distributed.core import Status
from toy_survey import BANDS, THREADS, draw, write_parquet

from analysis.__main__ import main
from analysis.apply import cluster as of_cluster
from analysis.apply import names, output, partitions, run, sources, tasks
from analysis.apply.bundle import Bundle
from analysis.apply.commands import _folder
from analysis.apply.run import Request, apply
from analysis.apply.schema import as_table
from analysis.apply.software import software
from analysis.apply.sources import without_secrets
from analysis.errors import InputError

N = 900


@pytest.fixture
def catalogue(tmp_path) -> Path:
    write_parquet(draw(N, seed=11), tmp_path / "catalogue", files=3)
    return tmp_path / "catalogue"


@pytest.fixture
def request_of(models, cluster, tmp_path):
    def make(catalogue, out="answers", **settings) -> Request:
        small = {"chunk_rows": 200, "partition_rows": 300, "scheduler": cluster}
        return Request(str(catalogue), models, tmp_path / out, **small | settings)

    return make


def content(folder: Path) -> dict[str, bytes]:
    """Return the files of an output; its name, which the properties hold, left out."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: data.replace(folder.name.encode(), b"NAME") for name, data in files.items()}


def answers_of(out: Path) -> pd.DataFrame:
    return lsdb.open_catalog(out).compute().reset_index().astype({"object_id": "int64"}).set_index("object_id")


def test_every_object_is_answered_for_and_lsdb_reads_it(catalogue, request_of, models) -> None:
    request = request_of(catalogue)
    outcome = apply(request)
    assert (outcome.objects, outcome.failures) == (N, [])
    assert not output.work_folder(request.out).exists()
    table, found = draw(N, seed=11), answers_of(request.out).sort_index()
    expected = Bundle.load(models).answers(table, "toy")
    assert found.index.tolist() == table["object_id"].tolist()
    for name in (names.Z_MEDIAN, names.P_GALAXY, names.P_GALAXY_ERR, names.ANOMALY):
        np.testing.assert_allclose(found[name].to_numpy(float), expected[name], atol=2e-5)
    catalog = hats.read_hats(request.out)
    pixels = [(p.order, p.pixel) for p in catalog.get_healpix_pixels()]
    assert len(pixels) > 4 and catalog.catalog_info.total_rows == N
    for pixel in pixels:  # in place, in order, few enough
        index = pq.read_table(partitions.partition_file(request.out, pixel))[names.HEALPIX].to_numpy()
        assert set(index >> 2 * (29 - pixel[0])) == {pixel[1]} and (np.diff(index) >= 0).all() and len(index) <= 300
    cone = lsdb.open_catalog(request.out).cone_search(ra=180, dec=40, radius_arcsec=20 * 3600).compute()
    assert 0 < len(cone) < N
    field = pq.read_schema(request.out / "dataset" / "_common_metadata").field("ra")
    assert field.metadata[b"unit"] == b"deg"


def test_a_hats_catalogue_keeps_its_partitions(request_of, tmp_path) -> None:
    rows = draw(N, seed=11).drop(columns=["redshift", "is_galaxy", "split"])
    lsdb.from_dataframe(rows, lowest_order=1, highest_order=3, partition_rows=100).to_hats(
        tmp_path / "source", catalog_name="source"
    )
    apply(request_of(tmp_path / "source"))
    source, made = hats.read_hats(tmp_path / "source"), hats.read_hats(tmp_path / "answers")
    main_catalog = getattr(source, "main_catalog", source)
    assert made.get_healpix_pixels() == main_catalog.get_healpix_pixels()
    assert sorted(answers_of(tmp_path / "answers").index) == sorted(rows["object_id"])


def test_a_url_and_a_foreign_table_and_a_renamed_folder_say_the_same(catalogue, request_of, tmp_path) -> None:
    renamed = {f"dered_{band}": f"mag_{band}" for band in BANDS} | {"object_id": "id"}
    table = draw(N, seed=11).drop(columns=["is_galaxy", "split"])
    (tmp_path / "foreign").mkdir()
    table.rename(columns=renamed).to_csv(tmp_path / "foreign.csv", index=False)
    table.rename(columns=renamed).to_parquet(tmp_path / "foreign" / "a.parquet", index=False)
    kept = [name for name in table if name != "redshift"]
    lines = [f"  {name}: {renamed.get(name, name)}" for name in kept]
    (tmp_path / "map.yaml").write_text("columns:\n" + "\n".join(lines) + "\n")
    apply(request_of(catalogue))
    apply(request_of(f"file://{catalogue}", "url"))
    for source in ("foreign.csv", "foreign"):
        apply(request_of(tmp_path / source, f"of_{source}", columns_map=tmp_path / "map.yaml"))
    expected = answers_of(tmp_path / "answers").sort_index()
    pd.testing.assert_frame_equal(answers_of(tmp_path / "url").sort_index(), expected)
    for out in ("of_foreign.csv", "of_foreign"):  # whose rows come in other chunks: the last digits differ
        found = answers_of(tmp_path / out).sort_index()
        assert found.index.equals(expected.index)
        for name in (names.Z_MEDIAN, names.Z_MEAN, names.P_GALAXY, names.ANOMALY):
            np.testing.assert_allclose(found[name].to_numpy(float), expected[name].to_numpy(float), atol=1e-4)


def test_a_foreign_table_is_known_by_its_own_file_and_map(request_of, tmp_path, monkeypatch) -> None:
    table, map_path = tmp_path / "foreign.csv", tmp_path / "map.yaml"
    rows = draw(N, seed=11).drop(columns=["redshift", "is_galaxy", "split"])
    rows.to_csv(table, index=False)
    map_path.write_text("columns:\n" + "".join(f"  {name}: {name}\n" for name in rows))
    request = request_of(table, columns_map=map_path)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(run, "_put_together", kill)
        apply(request)
    as_written, page = table.stat(), map_path.read_text()
    for change in (table.touch, lambda: map_path.write_text(page + "notes: other\n")):
        change()
        with pytest.raises(InputError, match="was begun with another source"):
            apply(request)
        os.utime(table, ns=(as_written.st_atime_ns, as_written.st_mtime_ns))
        map_path.write_text(page)
    assert apply(request).objects == N
    again = apply(request)
    assert (again.objects, again.seconds) == (N, 0) and not output.work_folder(request.out).exists()
    map_path.write_text(page + "notes: other\n")
    with pytest.raises(InputError, match="made of another source"):
        apply(request)
    assert not output.work_folder(request.out).exists()


def test_a_relative_path_is_the_same_source(catalogue, request_of, monkeypatch) -> None:
    request = request_of(catalogue)
    apply(request)
    monkeypatch.chdir(catalogue.parent)
    assert apply(replace(request, catalogue="catalogue")).seconds == 0
    assert json.loads((request.out / output.PROVENANCE).read_text())["catalogue"] == catalogue.as_uri()


def test_what_is_secret_in_a_url_is_not_told() -> None:
    said = "https://me:pass@host:8/a/b.parquet?sig=SECRET (row groups 0 to 0): 403, url='https://host/c?sig=SECRET'"
    assert without_secrets(said) == "https://host:8/a/b.parquet (row groups 0 to 0): 403, url='https://host/c'"
    assert without_secrets("s3://bucket/a@b/c.parquet") == "s3://bucket/a@b/c.parquet"
    assert without_secrets("file:///data/a@b.csv, is it there?") == "file:///data/a@b.csv, is it there?"


def test_settings_of_this_machine_are_not_for_another_cluster(capsys) -> None:
    command = ["apply", "--catalogue", "x", "--out", "y", "--scheduler", "tcp://127.0.0.1:9"]
    for setting in (["--workers", "2"], ["--memory-limit", "2GiB"]):
        assert main([*command, *setting]) == 2
        assert "--workers, --memory-limit" in capsys.readouterr().err


def test_the_answer_is_a_folder_and_no_url(capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["apply", "--catalogue", "x", "--out", "s3://bucket/answers"])
    assert ended.value.code == 2
    assert (
        "s3://bucket/answers is a URL; expected a folder on a file system that all workers see"
        in capsys.readouterr().err
    )
    assert _folder("file:///tmp/answers") == Path("/tmp/answers") and _folder("answers") == Path("answers")


def test_an_index_of_pandas_is_a_column(catalogue, request_of) -> None:
    for file in catalogue.glob("*.parquet"):
        pq.read_table(file).to_pandas().sort_values("ra").set_index("object_id").to_parquet(file)
    request = request_of(catalogue)
    assert apply(request).failures == []
    assert sorted(answers_of(request.out).index) == draw(N, seed=11)["object_id"].tolist()


class Killed(BaseException):
    """Stands for the end of the client, wherever it is."""


def kill(*_, **__) -> None:
    raise Killed


def test_a_client_that_ends_anywhere_goes_on_to_the_same_bytes(catalogue, request_of, monkeypatch) -> None:
    undisturbed = request_of(catalogue, "undisturbed")
    apply(undisturbed)
    request = request_of(catalogue)
    work, lasting = output.work_folder(request.out), {}
    for place in (partitions, "choose"), (run, "_put_together"), (output, "write_parquet_metadata"):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(*place, kill)
            apply(request)
        assert work.is_dir() and not request.out.exists()
        lasting = {path: path.stat().st_mtime_ns for path in (work / tasks.SHARDS).glob("*.arrow")}
    [first, *others] = lasting
    first.write_bytes(first.read_bytes()[:-7])  # cut by a dying disk
    (work / tasks.CATALOGUE / "dataset" / ".Npix=1.parquet.77.incomplete").write_bytes(b"of a worker that was killed")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(output, "shutil", SimpleNamespace(rmtree=kill))  # the last act
        apply(request)
    assert first.stat().st_mtime_ns != lasting[first]
    assert all(path.stat().st_mtime_ns == lasting[path] for path in others)  # not computed again
    assert content(request.out) == content(undisturbed.out)
    assert apply(request).seconds == 0 and not work.exists()


def test_partitions_of_a_run_that_could_not_count_a_chunk_are_not_kept(catalogue, request_of, monkeypatch) -> None:
    request, undisturbed = (
        request_of(catalogue, out, partition_rows=40, without_failed=True) for out in ("answers", "undisturbed")
    )
    apply(undisturbed)
    read = tasks.read_chunk

    def fails(chunk, wanted, columns_map):
        if chunk.first_row == 150 and len(wanted) == 3:
            raise OSError("for a while")
        return read(chunk, wanted, columns_map)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(tasks, "read_chunk", fails)
        patch.setattr(output, "write_parquet_metadata", kill)
        apply(request)
    dataset = output.work_folder(request.out) / tasks.CATALOGUE / "dataset"
    cut = {path.relative_to(dataset) for path in dataset.rglob("Npix=*.parquet")}
    assert cut and not all((undisturbed.out / "dataset" / path).exists() for path in cut)  # others than are wanted
    assert apply(request).objects == N
    assert content(request.out) == content(undisturbed.out)


def test_the_client_holds_no_counts_of_chunks(catalogue, request_of, monkeypatch) -> None:
    """Of objects without order on the sky there are as many counts as objects: they stay in files."""
    records, take = [], run._each

    def each(client, what, function, job, items, size, name, ended):
        def seen(number, record):
            records.append((what, len(json.dumps(record))))
            ended(number, record)

        return take(client, what, function, job, items, size, name, seen)

    monkeypatch.setattr(run, "_each", each)
    apply(request_of(catalogue, partition_rows=10_000))
    of_counting = [size for what, size in records if what == "counting"]
    assert len(of_counting) == 6 and max(of_counting) < 400  # bytes, of 150 objects each


def test_objects_outside_of_their_pixel_are_not_written(tmp_path, request_of, catalogue) -> None:
    request = request_of(catalogue)
    apply(request)
    [pixel, other, *_] = [(p.order, p.pixel) for p in hats.read_hats(request.out).get_healpix_pixels()]
    table = pq.read_table(partitions.partition_file(request.out, pixel))
    partitions.write_shard(tmp_path / "shard.arrow", table, np.zeros(len(table), int))
    parts = [(tmp_path / "shard.arrow", 0)]
    assert partitions.write_partition(tmp_path / "right.parquet", pixel, parts)
    with pytest.raises(AssertionError, match="outside of its pixel"):
        partitions.write_partition(tmp_path / "wrong.parquet", other, parts)


def test_partial_output_is_no_catalogue(catalogue, request_of, monkeypatch) -> None:
    request = request_of(catalogue)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(output.TableProperties, "to_properties_file", kill)
        apply(request)
    for folder in (request.out, output.work_folder(request.out), output.work_folder(request.out) / tasks.CATALOGUE):
        with pytest.raises(FileNotFoundError):
            lsdb.open_catalog(folder)


def test_input_that_fails_is_reported_and_the_rest_is_computed(catalogue, models, cluster, tmp_path, capsys) -> None:
    damaged = catalogue / "part-1.parquet"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:2000] + bytes(500) + whole[2500:])
    command = ["apply", "--catalogue", str(catalogue), "--models", str(models), "--out", str(tmp_path / "answers")]
    command += ["--chunk-rows", "200", "--scheduler", cluster]
    assert main(command) == 3
    said = capsys.readouterr()
    assert "failed three times: file://" in said.err and "part-1.parquet (row groups 0 to 0)" in said.err
    assert said.out.startswith("not made yet: 750 objects")
    assert not (tmp_path / "answers").exists()
    assert main([*command, "--without-failed"]) == 3
    [missing] = json.loads((tmp_path / "answers" / output.PROVENANCE).read_text())["missing"]
    assert "part-1.parquet" in missing["input"]
    assert len(answers_of(tmp_path / "answers")) == 750
    capsys.readouterr()
    assert main([*command, "--without-failed"]) == 3
    said = capsys.readouterr()
    assert "part-1.parquet" in said.err and "750 objects: was there already" in said.out
    assert main(command) == 2
    assert "[output-exists]" in (said := capsys.readouterr().err) and "made without 1 inputs that failed" in said


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError(errno.ENOSPC, "no space"), OSError),
        (PermissionError(errno.EACCES, "no"), OSError),
        (ConnectionResetError(errno.ECONNRESET, "gone"), InputError),
        (OSError(errno.EHOSTUNREACH, "no route"), InputError),
        (OSError("Timed out trying to connect"), InputError),
    ],
)
def test_a_full_disk_is_not_taken_for_a_cluster_that_is_gone(cluster, error, raised) -> None:
    with pytest.raises(raised) as caught, of_cluster.connected(cluster, 1, None):
        raise error
    assert caught.type is not InputError or "scheduler" in str(caught.value)
    assert (caught.value is error) == (raised is OSError)


def test_a_task_is_tried_three_times(cluster, tmp_path) -> None:
    def fails(_, number: int) -> int:
        tried = len(list(tmp_path.glob(f"{number}-*")))
        (tmp_path / f"{number}-{tried}").touch()
        if number == 1 or tried == 0:
            raise ValueError("no")
        return number

    with of_cluster.connected(cluster, 1, None) as client:
        done: dict[int, int | None] = {}
        errors = of_cluster.run_tasks(client, None, fails, [1, 2], done.__setitem__)
    assert done == {0: None, 1: 2} and errors == {0: "ValueError: no"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1-0", "1-1", "1-2", "2-0", "2-1"]


@pytest.mark.parametrize("fault", ["without models", "elsewhere"])
def test_a_bad_worker_that_comes_later_is_sent_away(catalogue, request_of, monkeypatch, capfd, fault) -> None:
    """It fails at once, so that it would take, and spoil, most of the tasks."""
    set_up, models_of, send = tasks.Models.setup, tasks.Job.models_of, run.send_models

    def bad_set_up(self, worker):
        if worker.name == "bad" and fault == "without models":
            raise OSError("no torch here")
        set_up(self, worker)

    def of_bad_worker(self, worker):
        bad = worker.name == "bad" and fault == "elsewhere"
        return models_of(replace(self, work=Path("/nowhere")) if bad else self, worker)

    with LocalCluster(n_workers=1, **THREADS) as small:

        def send_and_grow(client, *what):
            send(client, *what)
            client.sync(start_worker, client)
            client.wait_for_workers(2)

        async def start_worker(client):
            joined.append(await Worker(small.scheduler_address, nthreads=4, name="bad", validate=False))

        joined: list[Worker] = []
        monkeypatch.setattr(tasks.Models, "setup", bad_set_up)
        monkeypatch.setattr(tasks.Job, "models_of", of_bad_worker)
        monkeypatch.setattr(run, "send_models", send_and_grow)
        outcome = apply(replace(request_of(catalogue), scheduler=small.scheduler_address))
    assert (outcome.objects, outcome.failures) == (N, [])
    assert "is sent away: it " in capfd.readouterr().err and joined[0].status.name == "closed"


def test_a_task_that_failed_is_tried_on_another_worker(cluster) -> None:
    def only_on_one(_, number: int) -> int:
        if tasks.get_worker().name == 0:
            raise OSError("here, for a while")
        return number

    done: dict[int, int | None] = {}
    with of_cluster.connected(cluster, 1, None) as client:
        assert of_cluster.run_tasks(client, None, only_on_one, range(8), done.__setitem__) == {}
    assert done == {number: number for number in range(8)}


def test_workers_are_waited_for_and_what_they_lack_is_said(monkeypatch, capfd) -> None:
    monkeypatch.setattr(of_cluster, "_PATIENCE", 0.3)
    done: dict[int, int | None] = {}
    with (
        LocalCluster(n_workers=0, **THREADS) as queued,
        of_cluster.connected(queued.scheduler_address, 1, None) as client,
    ):
        threading.Timer(2, queued.scale, [1]).start()
        of_cluster._wait_for_a_worker(client)
        assert "has no worker yet: waiting for one" in capfd.readouterr().err
        [worker] = queued.workers.values()
        worker.status = Status.paused
        threading.Timer(3, setattr, [worker, "status", Status.running]).start()
        of_cluster.run_tasks(client, None, lambda _, number: number, [5], done.__setitem__)
        assert "1 of 1 workers" in (said := capfd.readouterr().err) and "are paused for lack of memory" in said
        assert done == {0: 5} and len(of_cluster.peak_memory(client)) == 1


def test_workers_of_this_machine_are_not_paused_for_ever() -> None:
    with of_cluster.connected(None, 1, "1GiB") as client:
        [paused_at] = client.run(lambda dask_worker: dask_worker.memory_manager.memory_pause_fraction).values()
    assert paused_at is False


def test_a_worker_that_sees_another_folder_is_named(catalogue, request_of, monkeypatch) -> None:
    send = run.send_models
    monkeypatch.setattr(
        run, "send_models", lambda client, models, job: send(client, models, replace(job, mark="other"))
    )
    with pytest.raises(InputError, match=r"worker inproc\S* cannot be used: it does not see .*answers.unfinished"):
        apply(request_of(catalogue))


def test_a_file_without_a_footer_is_named(catalogue, request_of) -> None:
    (catalogue / "part-0.parquet").write_bytes(b"PAR1 no more")
    [failure] = apply(request_of(catalogue)).failures
    assert Path(failure.input).name == "part-0.parquet (all of it)" and failure.error.startswith("InputError")


def test_an_object_that_cannot_be_used_costs_no_other_one(catalogue, request_of, capfd) -> None:
    table = pq.read_table(catalogue / "part-2.parquet").to_pandas()
    table.loc[3, "dered_r"], table.loc[4, "dered_g"] = 99.0, np.inf
    table.loc[5, "ra"], table.loc[299, "dec"] = np.nan, 91.0
    table.to_parquet(catalogue / "part-2.parquet", row_group_size=150)
    nowhere = table.iloc[:20].assign(ra=np.nan, object_id=np.arange(20))
    nowhere.to_parquet(catalogue / "part-3.parquet")
    request = request_of(catalogue)
    outcome = apply(request)
    assert (outcome.objects, outcome.failures) == (N - 2, [])
    found = answers_of(request.out)
    assert set(table.loc[[5, 299], "object_id"]).isdisjoint(found.index)
    wrong = found.loc[table.loc[[3, 4], "object_id"]]
    assert wrong[[names.Z_MEDIAN, names.P_GALAXY, names.ANOMALY]].isna().all(axis=None)
    assert (
        wrong[[names.OUTSIDE_REDSHIFT, names.OUTSIDE_CLASS]].all(axis=None) and (wrong[names.BANDS_MEASURED] == 0).all()
    )
    assert found[names.Z_MEDIAN].isna().sum() == 2
    unusable = json.loads((request.out / output.PROVENANCE).read_text())["unusable"]
    assert unusable == {"without_position": 22, "impossible_magnitudes": 2}
    assert "22 objects without a position on the sky are left out" in capfd.readouterr().err


def test_an_object_that_goes_missing_is_noticed(catalogue, request_of, monkeypatch) -> None:
    read = tasks.read_chunk
    monkeypatch.setattr(tasks, "read_chunk", lambda *of: read(*of).iloc[1:])
    with pytest.raises(InputError, match="held 900 objects when it was looked at, and 894 when it was read"):
        apply(request_of(catalogue))


def test_a_partition_that_fails_can_be_left_out(catalogue, request_of, monkeypatch) -> None:
    write, request = partitions.write_partition, request_of(catalogue)

    def fails(path, pixel, parts):
        if tuple(pixel) == (0, 0):  # a list, as the plan is read
            raise OSError("a bad disk")
        return write(path, pixel, parts)

    monkeypatch.setattr(partitions, "write_partition", fails)
    [failure] = apply(request).failures
    assert failure.input.startswith("partition Norder=") and not request.out.exists()
    outcome = apply(replace(request, without_failed=True))
    assert outcome.failures == [failure] and 0 < outcome.objects == len(answers_of(request.out)) < N
    assert len(json.loads((request.out / output.PROVENANCE).read_text())["missing"]) == 1


def test_a_file_that_could_not_be_read_for_a_while_is_read_by_the_next_run(catalogue, request_of, monkeypatch) -> None:
    undisturbed, request = request_of(catalogue, "undisturbed"), request_of(catalogue)
    apply(undisturbed)
    footer = sources.row_groups_of
    with monkeypatch.context() as patch:
        patch.setattr(sources, "row_groups_of", lambda fs, name: None if "part-0" in name else footer(fs, name))
        [failure, *_] = apply(request).failures
    assert "part-0.parquet (all of it): InputError" in f"{failure.input}: {failure.error}"
    work = output.work_folder(request.out)
    before = {path: path.stat().st_mtime_ns for path in (work / tasks.SHARDS).glob("*.arrow")}
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(output, "write_parquet_metadata", kill)
        apply(request)
    assert len(before) == 4
    assert apply(request).objects == N
    assert content(request.out) == content(undisturbed.out)


def test_objects_without_any_magnitude_are_in_the_output(catalogue, request_of) -> None:
    for file in catalogue.glob("*.parquet"):
        table = pq.read_table(file).to_pandas()
        table.loc[::2, [f"dered_{band}" for band in BANDS]] = np.nan
        table.to_parquet(file)
    request = request_of(catalogue)
    apply(request)
    found = answers_of(request.out)
    assert len(found) == N and found[names.Z_MEDIAN].isna().sum() == N // 2
    assert found.loc[found[names.BANDS_MEASURED] == 0, names.OUTSIDE_REDSHIFT].all()


def test_another_source_or_setting_is_refused(catalogue, request_of, monkeypatch) -> None:
    request = request_of(catalogue)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(run, "_put_together", kill)
        apply(request)
    with pytest.raises(InputError, match=r"unfinished: was begun with another source"):
        apply(replace(request, partition_rows=100))
    apply(request)
    with pytest.raises(InputError, match=r"answers: exists, made of another source"):
        apply(replace(request, partition_rows=100))
    (catalogue / "part-0.parquet").touch()
    with pytest.raises(InputError, match=r"answers: exists, made of another source"):
        apply(request)
    (request.out / output.PROVENANCE).unlink()
    with pytest.raises(InputError, match=r"answers: exists, and is no output of apply"):
        apply(request)


def test_workers_of_other_software_are_refused(catalogue, request_of, monkeypatch) -> None:
    monkeypatch.setattr(tasks, "software", lambda made=[0]: made.append(0) or software() | {"numpy": f"1.{len(made)}"})
    with pytest.raises(InputError, match=r"worker inproc\S* has other software: numpy 1.3 there, 1.2 here; expected"):
        apply(request_of(catalogue))


def test_what_other_code_began_is_not_gone_on_with(catalogue, request_of, monkeypatch) -> None:
    request = request_of(catalogue)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(run, "_put_together", kill)
        apply(request)
    with monkeypatch.context() as patch, pytest.raises(InputError, match="was begun with another source, other models"):
        patch.setattr(run, "software", lambda: software() | {"analysis": "changed"})
        apply(request)
    [record, *_] = (output.work_folder(request.out) / tasks.RECORDS).rglob("chunk-*.json")
    content = json.loads(record.read_text())
    assert (
        content["made_of"][0] == json.loads((output.work_folder(request.out) / "plan.json").read_text())["fingerprint"]
    )
    assert tasks.kept(record, output.work_folder(request.out), content["made_of"]) == content
    assert tasks.kept(record, output.work_folder(request.out), ["of other models", *content["made_of"][1:]]) is None


def test_a_shard_that_lost_objects_makes_no_partition(catalogue, request_of, monkeypatch) -> None:
    write = partitions.write_shard

    def loses(path, table, of):
        return write(path, table.slice(1), of[1:]) and np.unique(of).tolist()

    monkeypatch.setattr(partitions, "write_shard", loses)
    outcome = apply(request_of(catalogue, partition_rows=10_000))
    assert outcome.failures and all("expected " in failure.error for failure in outcome.failures)


def test_two_at_once_do_not_write_into_each_other(catalogue, request_of) -> None:
    request = request_of(catalogue)
    with (
        output.locked(output.work_folder(request.out)),
        pytest.raises(InputError, match="another process writes there"),
    ):
        apply(request)


def test_a_lock_that_the_file_system_does_not_give_is_not_taken_for_another_process(
    catalogue, request_of, monkeypatch
) -> None:
    def as_nfs_does(lock, _) -> None:
        if not lock.writable():
            raise OSError(errno.EBADF, "Bad file descriptor")
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(output.fcntl, "flock", as_nfs_does)
    with pytest.raises(InputError, match=r"\.answers\.lock: cannot be locked here \(.*No locks available"):
        apply(request_of(catalogue))


def test_what_another_process_has_finished_before_the_lock_is_taken_is_not_made_again(
    catalogue, request_of, monkeypatch
) -> None:
    request = request_of(catalogue)
    apply(request)
    finished, looks = output.finished, []

    def late(*arguments):
        looks.append(arguments)
        return None if len(looks) == 1 else finished(*arguments)

    monkeypatch.setattr(output, "finished", late)
    assert apply(request).seconds == 0 and len(looks) == 2
    assert [path.name for path in request.out.parent.glob(".*")] == []  # neither lock nor folder is left


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"catalogue": "/nowhere"}, "/nowhere: no such file or folder"),
        ({"catalogue": "nofs://x/y"}, "nofs://x/y: cannot be reached"),
        ({"models": Path("/nowhere")}, "/nowhere: no about.json here"),
        ({"scheduler": "tcp://127.0.0.1:9"}, "the scheduler tcp://127.0.0.1:9 cannot be reached"),
        ({"scheduler": "http://host:1"}, "--scheduler http://host:1: .*; expected an address such as tcp://host:8786"),
        ({"scheduler": "nonsense"}, "nonsense"),
        (
            {"scheduler": None, "memory_limit": "99MiB"},
            "--memory-limit 99MiB: too little for a worker; expected 512MiB",
        ),
        ({"scheduler": None, "memory_limit": "much"}, "--memory-limit much: expected an amount such as 2GiB"),
    ],
)
def test_what_cannot_be_used_is_named(catalogue, request_of, monkeypatch, wrong, message) -> None:
    monkeypatch.setattr(of_cluster, "_PATIENCE", 1)
    with pytest.raises(InputError, match=message):
        apply(replace(request_of(catalogue), **wrong))


def test_what_a_folder_lacks_is_named(catalogue, request_of, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty: no Parquet file"):
        apply(request_of(tmp_path / "empty"))
    for column, message in {
        "dered_g": "no column 'dered_g'",
        "ra": "no column 'ra'",
        "psfMag_i": "no column 'psfMag_i'",
    }.items():
        folder = tmp_path / f"without_{column}"
        shutil.copytree(catalogue, folder)
        for file in folder.iterdir():
            pq.write_table(pq.read_table(file).drop_columns([column]), file)
        with pytest.raises(InputError, match=message):
            apply(request_of(folder))
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "properties").write_text("nothing=1\n")
    with pytest.raises(InputError, match="broken: not a readable HATS catalogue"):
        apply(request_of(broken))


def test_partitions_hold_all_objects_and_none_too_many() -> None:
    generator = np.random.default_rng(4)
    index = partitions.positions(*(generator.normal(m, 3, 5000) for m in (200, 10)), np.arange(5000), "toy")
    counted, (filled, counts) = partitions.no_counts(), partitions.count(index)
    counted[filled] = counts
    pixels = partitions.choose(counted, 400)
    rows = np.bincount(partitions.partition_of(index, pixels, "toy"), minlength=len(pixels))
    assert rows.sum() == 5000 and rows.min() > 0 and rows.max() <= 400
    assert len(partitions.choose(counted, 5000)) <= 4
    assert max(order for order, _ in partitions.choose(counted, 1)) == partitions.COUNT_ORDER  # no pixel is too full


def test_a_partition_is_made_of_its_part_of_a_shard_one_row_group_at_a_time(tmp_path, monkeypatch) -> None:
    n, of = 20_000, 1000
    generator = np.random.default_rng(5)
    index = np.sort(partitions.positions(generator.uniform(0, 360, n), np.zeros(n), np.arange(n), "toy"))
    table = as_table({names.OBJECT: np.arange(n), names.HEALPIX: index, names.RA: generator.random(n)})
    shard, whole = tmp_path / "shard.arrow", (0, int(index[0] >> 58))
    mine = index >> 58 == whole[1]
    partitions.write_shard(shard, table, np.where(mine, 0, 1 + np.arange(n) * of // n))
    with pa.OSFile(str(shard)) as file, pa.ipc.open_file(file) as reader:
        first, last = reader.get_batch(0), reader.get_batch(reader.num_record_batches - 1)
        assert reader.num_record_batches > 500 and (len(first), len(last)) == (mine.sum(), n // of)
    monkeypatch.setattr(partitions, "ROW_GROUP", 700)
    assert partitions.write_partition(tmp_path / "made.parquet", whole, [(shard, 0)]) == mine.sum()
    made = pq.ParquetFile(tmp_path / "made.parquet")
    assert made.read()[names.OBJECT].to_numpy().tolist() == np.flatnonzero(mine).tolist()
    assert [made.metadata.row_group(k).num_rows for k in range(made.num_row_groups - 1)][:2] == [700, 700]


def test_records_are_spread_over_folders(tmp_path) -> None:
    job = tasks.Job(tmp_path, "fingerprint", "models", None, [], "mark")
    records = [job.record(f"{kind}-{number:06d}-0000") for kind in ("count", "chunk") for number in range(5000)]
    _, filled = np.unique([record.parent.name for record in records], return_counts=True)
    assert len(set(records)) == 10_000 and len(filled) == 100 and filled.max() < 150
