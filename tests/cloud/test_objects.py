"""Objects are used as files are: read as streams and ranges, listed, written whole, and known by what was written."""

import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest

from download.server import Resource, serving
from treeoflife.core import files
from treeoflife.core.folders import walk_folder
from treeoflife.core.hash_cache import HashCache
from treeoflife.core.multipart_uploads import S3Server, end_left_uploads
from treeoflife.core.objects import ObjectPath, as_path
from treeoflife.errors import ConfigError, InputError, ObjectStoreError

from .conftest import object_at

LARGE = 20_000_001


def _write(path: Path, data: bytes, tmp_path: Path) -> None:
    with files.replacing(path, beside=tmp_path / "index") as temporary:
        assert temporary.parent == tmp_path
        temporary.write_bytes(data)


def test_a_path_of_an_object_keeps_its_address_through_all_that_paths_do() -> None:
    path = as_path("s3://bucket/a/b.tar")
    assert str(path) == f"{path}" == path.as_posix() == "s3://bucket/a/b.tar"
    assert pickle.loads(pickle.dumps(path)) == path
    assert {path: 1}[path.parent / "b.tar"] == 1
    assert str(path.with_suffix(".parquet")) == "s3://bucket/a/b.parquet"
    assert str(path.with_name("c")) == "s3://bucket/a/c"
    assert path.relative_to(as_path("s3://bucket")) == Path("a/b.tar")
    assert not path.is_relative_to(Path("/"))
    assert not path.is_relative_to(as_path("s3://bucket/ab"))
    assert sorted([path, path.parent]) == [path.parent, path]
    assert as_path("s3:/bucket/a") == path.parent  # as a command line gives it
    assert as_path("/data/s3") == Path("/data/s3")
    assert not isinstance(as_path("a:/b"), ObjectPath)


@pytest.mark.parametrize("text", ["s3://key:secret@bucket/a", "https://host/a?X-Amz-Signature=secret", "s3://"])
def test_an_address_with_a_key_in_it_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        as_path(text)
    assert "secret" not in str(raised.value)


def test_what_only_a_file_can_do_says_so() -> None:
    with pytest.raises(InputError, match=r"s3://bucket/a is not on this computer.*download it"):
        os.fspath(as_path("s3://bucket/a"))
    with pytest.raises(ValueError, match="replaced as a whole"):
        as_path("s3://bucket/a").open("wb")


def test_an_object_is_what_was_written_in_parts_and_reads_as_stream_and_range(
    bucket: ObjectPath, tmp_path: Path
) -> None:
    data, path = os.urandom(LARGE), bucket / "a folder" / "é#1?.tar"
    _write(path, data, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert path.stat().st_size == LARGE
    assert files.sha256(path) == hashlib.sha256(data).hexdigest()
    with path.open("rb", buffering=0) as file:
        assert files.read_at(file, 1000, LARGE - 500) == data[-500:]
        assert files.read_at(file, 1000, 9_000_000) == data[9_000_000:9_001_000]
        assert files.read_at(file, 5, LARGE + 5) == b""
    with path.open("rb") as file:
        assert file.read(10) + file.read() == data
        file.seek(-3, io.SEEK_END)
        assert file.read() == data[-3:]


_MEASURE = """
import resource, sys
from pathlib import Path
from treeoflife.core.objects import as_path
path = as_path(sys.argv[1])
path.exists()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
path.upload(Path(sys.argv[2]))
with path.open("rb") as stream:
    while stream.read(1 << 20):
        pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_uploads_and_reads_hold_parts_and_not_the_whole_in_memory(bucket: ObjectPath, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(10 * LARGE))
    words = [sys.executable, "-c", _MEASURE, str(bucket / "zeros"), str(file)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    kilobytes = int(done.stdout) // (1024 if sys.platform == "darwin" else 1)
    assert kilobytes < 100_000  # of 200 MB


def test_a_write_that_fails_leaves_the_object_as_it_was(bucket: ObjectPath, tmp_path: Path) -> None:
    path = bucket / "a"
    _write(path, b"old", tmp_path)
    with pytest.raises(ZeroDivisionError), files.replacing(path) as temporary:
        temporary.write_bytes(b"new" * (1 // 0))
    assert path.read_bytes() == b"old"


def test_of_two_writers_of_a_new_object_one_succeeds(bucket: ObjectPath) -> None:
    object_at(bucket, "mark").create(b"first")
    with pytest.raises(FileExistsError):
        object_at(bucket, "mark").create(b"second")
    assert (bucket / "mark").read_bytes() == b"first"


def test_a_folder_of_objects_is_walked_as_folders_are(bucket: ObjectPath) -> None:
    for name in ("birds/a.jpg", "birds/deep/b.jpg", "birds.txt"):
        object_at(bucket, name).create(b"1")
    object_at(bucket, "birds/deep").create(b"")  # what some programs write in place of a folder
    walk = walk_folder(bucket)
    assert sorted(map(str, walk.files)) == sorted(
        f"{bucket}/{name}" for name in ("birds/a.jpg", "birds/deep/b.jpg", "birds.txt")
    )
    assert len(walk.folders) == 3
    assert [path.name for path in bucket.glob("*.txt")] == ["birds.txt"]
    assert (bucket / "birds").is_dir()
    assert not (bucket / "bird").exists()
    assert not (bucket / "birds.txt").is_dir()
    with pytest.raises(InputError, match=f"{bucket}/bees cannot be read"):
        walk_folder(bucket / "bees")


def test_a_digest_is_remembered_until_the_object_is_written_anew(bucket: ObjectPath, tmp_path: Path) -> None:
    path, cache = bucket / "a", HashCache(tmp_path / "known.sqlite")
    _write(path, b"old", tmp_path)
    cache.put(str(path), files.stamp(path), "remembered")
    assert cache.sha256(path) == "remembered"
    _write(path, b"new", tmp_path)
    assert cache.sha256(path) == hashlib.sha256(b"new").hexdigest()
    cache.close()


def test_an_object_that_is_replaced_while_it_is_read_is_noticed(bucket: ObjectPath, tmp_path: Path) -> None:
    path = bucket / "a"
    _write(path, b"old", tmp_path)
    with path.open("rb", buffering=0) as file:
        assert file.read(1) == b"o"
        _write(path, b"new", tmp_path)
        with pytest.raises(ObjectStoreError, match="written anew while it was read"):
            file.read(1)


def test_what_is_not_there_is_not_there_and_a_bucket_that_is_missing_is_named(bucket: ObjectPath) -> None:
    assert not files.exists(bucket / "none")
    (bucket / "none").unlink(missing_ok=True)
    with pytest.raises(FileNotFoundError):
        (bucket / "none").open("rb")
    with pytest.raises(ObjectStoreError, match="there is no bucket 'no-such-bucket-at-all'"):
        files.write_bytes(as_path("s3://no-such-bucket-at-all/a"), b"")


def test_without_keys_the_variables_to_set_are_named(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(ConfigError, match="no keys for s3://other-bucket: set AWS_ACCESS_KEY_ID"):
        as_path("s3://other-bucket/a").stat()


def test_web_servers_are_read_and_neither_listed_nor_written() -> None:
    with serving() as server:
        path = as_path(server.put("/photos/a.tar", Resource(b"123")))
        with path.open("rb", buffering=0) as file:
            assert files.read_at(file, 1, 1) == b"2"
        assert path.is_file()
        assert not path.is_dir()
        assert not path.parent.exists()
        with pytest.raises(ObjectStoreError, match="Name the archive itself"):
            list(path.parent.iterdir())
        with pytest.raises(ObjectStoreError, match="cannot be written to"):
            files.write_bytes(path, b"")


def test_a_server_that_stops_for_a_moment_is_asked_again() -> None:
    with serving() as server:
        path = as_path(server.put("/a.tar", Resource(b"123", faults=["503", "503", "drop:1", "500"])))
        assert files.sha256(path) == hashlib.sha256(b"123").hexdigest()


def _begin_upload(s3: str, name: str) -> None:
    urllib.request.urlopen(urllib.request.Request(f"{s3}/{name}?uploads", method="POST")).close()


def test_uploads_that_were_left_are_ended_below_the_address_alone(s3: str, bucket: ObjectPath) -> None:
    names = [f"out/train/é+{number}.tar".encode() for number in range(3)]
    for name in (*names, b"outside.tar"):
        _begin_upload(s3, f"{bucket.name}/{urllib.request.quote(name)}")  # type: ignore[attr-defined]
    assert end_left_uploads(bucket / "out") == 3
    assert end_left_uploads(bucket / "out") == 0
    assert end_left_uploads(bucket) == 1


@pytest.mark.parametrize("token", ["", "a session's"])
def test_requests_are_signed_as_botocore_signs_them(token: str) -> None:
    auth, credentials = pytest.importorskip("botocore.auth"), pytest.importorskip("botocore.credentials")
    request = pytest.importorskip("botocore.awsrequest").AWSRequest
    url = "https://s3.eu-west-1.amazonaws.com/bucket/a%20%C3%A9%2B1.tar?uploadId=ab%2Bc"
    theirs = request("DELETE", url)
    auth.S3SigV4Auth(credentials.Credentials("ID", "SECRET", token or None), "s3", "eu-west-1").add_auth(theirs)
    time = datetime.strptime(theirs.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    server = S3Server("https://s3.eu-west-1.amazonaws.com", "eu-west-1", "ID", "SECRET", token)
    assert server.sign("DELETE", url, time)["authorization"] == theirs.headers["Authorization"]


def test_json_of_an_object_is_written_and_read_as_of_a_file(bucket: ObjectPath) -> None:
    files.write_json(bucket / "sizes.json", {"a": 1})
    assert json.loads((bucket / "sizes.json").read_text()) == {"a": 1}
