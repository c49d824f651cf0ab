"""Several processes of one training: how they start, how they receive a stop signal, and how they end."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from inpainting.artifacts.latents import LatentCache
from inpainting.cli import main, parse
from inpainting.core.errors import UsageError
from inpainting.stages.training.checks import check_batches
from inpainting.stages.training.distributed import launch
from inpainting.stages.training.settings import TrainCommand
from safetensors.torch import load_file
from trainings import checkpoint_files

Arguments = Callable[..., list[str]]


def worker(code: str) -> list[str]:
    """A process of the group; `rank` and `out` (a folder) are there."""
    return [sys.executable, "-c", f"import os, signal, sys, time; rank = os.environ['RANK']; {code}"]


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_processes_find_each_other_and_leave_their_group(tmp_path: Path) -> None:
    code = (
        "import torch; import torch.distributed as group; group.init_process_group('gloo')\n"
        "from inpainting.stages.training.distributed import leaving_group\n"
        "with leaving_group(): total = torch.ones(()); group.all_reduce(total)\n"
        "assert not group.is_initialized()\n"
        f"open(os.path.join({str(tmp_path)!r}, rank), 'w').write(str(int(total)))"
    )
    assert launch(worker(code), 2) == 0
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"0": "2", "1": "2"}


def test_threads_are_shared_among_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert launch(worker("sys.exit(os.environ['OMP_NUM_THREADS'] != '2')"), 3) == 0


def test_a_process_that_fails_ends_the_others_and_gives_its_code() -> None:
    assert launch(worker("rank == '1' and sys.exit(2); time.sleep(1000)"), 3) == 2


def test_a_process_that_is_killed_ends_the_others_too(caplog: pytest.LogCaptureFixture) -> None:
    code = "rank == '0' and os.kill(os.getpid(), signal.SIGKILL); time.sleep(1000)"
    assert launch(worker(code), 2) == 128 + signal.SIGKILL
    assert "process 0 of 2 was ended by SIGKILL" in caplog.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_signal_reaches_every_process_and_their_code_comes_out(tmp_path: Path, number: signal.Signals) -> None:
    """Each has time to save: they leave one after the other, and none is ended by another's leaving."""
    code = (
        f"signal.signal({int(number)}, lambda *_: (time.sleep(float(rank) / 2), "
        f"open(os.path.join({str(tmp_path)!r}, 'saved' + rank), 'w').close(), sys.exit(75))); "
        f"open(os.path.join({str(tmp_path)!r}, rank), 'w').close(); time.sleep(1000)"
    )

    def send() -> None:
        wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
        os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    sending = threading.Thread(target=send)
    sending.start()
    assert launch(worker(code), 2) == os.EX_TEMPFAIL
    sending.join()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "saved0", "saved1"]
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_to_processes_that_still_start_stops_them_and_is_no_failure(
    tmp_path: Path, number: signal.Signals
) -> None:
    def send() -> None:
        wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
        os.kill(os.getpid(), number)

    sending = threading.Thread(target=send)
    sending.start()
    starts = f"open(os.path.join({str(tmp_path)!r}, rank), 'w').close(); time.sleep(1000)"
    assert launch(worker(starts), 2) == os.EX_TEMPFAIL
    sending.join()


def test_processes_do_not_outlive_their_launcher(tmp_path: Path) -> None:
    """Killed with no chance to end them: a second run would else meet them in its own folder."""
    file = f"os.path.join({str(tmp_path)!r}, str(os.getpid()))"
    follow = "from inpainting.stages.training.distributed import end_with_launcher; end_with_launcher()"
    code = f"{follow}; open({file}, 'w').close(); time.sleep(1000)"
    launching = f"from inpainting.stages.training.distributed import launch; launch({worker(code)!r}, 2)"
    launcher = subprocess.Popen([sys.executable, "-c", launching])
    wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
    launcher.kill()
    launcher.wait()
    wait_for(lambda: not any(running(int(path.name)) for path in tmp_path.iterdir()))


def running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


OPTIONS = ["--batch-size", "4", "--steps", "30", "--save-every", "10"]


@pytest.fixture(scope="module")
def by_two(training_arguments: Arguments, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training by two processes."""
    out = tmp_path_factory.mktemp("by-two")
    subprocess.run(command(training_arguments(out, *OPTIONS)), check=True)
    return out


def command(arguments: list[str]) -> list[str]:
    return [sys.executable, "-m", "inpainting.cli", *arguments, "--processes", "2"]


@pytest.mark.slow
def test_two_processes_train_what_one_does(training_arguments: Arguments, by_two: Path, tmp_path: Path) -> None:
    assert main(training_arguments(tmp_path, *OPTIONS)) == 0
    for name in ("pytorch_lora_weights.safetensors", "widened.safetensors"):
        one, two = (load_file(out / "checkpoints" / "step-10" / "adapter" / name) for out in (tmp_path, by_two))
        assert one.keys() == two.keys()
        for key, tensor in one.items():
            assert (two[key] - tensor).norm() < 1e-3 * tensor.norm()


@pytest.mark.slow
def test_a_run_by_two_that_was_stopped_and_killed_ends_as_if_it_had_not_been(
    training_arguments: Arguments, by_two: Path, tmp_path: Path
) -> None:
    """First the launcher gets SIGUSR1, then one of its processes dies."""
    arguments = command(training_arguments(tmp_path, *OPTIONS))
    first = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: (tmp_path / "metrics.jsonl").exists() and len((tmp_path / "metrics.jsonl").read_text()) > 0)
    first.send_signal(signal.SIGUSR1)
    _, said = first.communicate(timeout=600)
    assert first.returncode == os.EX_TEMPFAIL and said.count("run the same command again") == 1
    second = subprocess.Popen(arguments)
    wait_for(lambda: len(workers(second.pid)) == 2)
    os.kill(workers(second.pid)[1], signal.SIGKILL)
    assert second.wait(timeout=600) == 128 + signal.SIGKILL
    subprocess.run(arguments, check=True, timeout=600)
    assert checkpoint_files(tmp_path) == checkpoint_files(by_two)


@pytest.mark.slow
def test_a_training_by_two_that_is_done_is_left_as_it_is(
    training_arguments: Arguments, by_two: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(by_two, tmp_path / "run"))
    (out / "training.json").unlink()
    subprocess.run(command(training_arguments(out, *OPTIONS)), check=True)
    assert checkpoint_files(out) == checkpoint_files(by_two)
    assert (out / "training.json").read_bytes() == (by_two / "training.json").read_bytes()


@pytest.mark.slow
def test_a_sharded_run_resumes_an_unsharded_one_and_ends_with_the_same_bits_and_previews(
    training_arguments: Arguments, tiny_results: Path, by_two: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(by_two, tmp_path / "run"))
    for step in (20, 30):
        shutil.rmtree(out / "checkpoints" / f"step-{step}")
    previews = ["--preview-every", "15", "--preview-sequences", "1", "--preview-steps", "1"]
    previews += ["--dataset", str(tiny_results / "dataset"), "--manifest", str(tiny_results / "audit/manifest.parquet")]
    subprocess.run([*command(training_arguments(out, *OPTIONS)), "--shard-base", *previews], check=True)
    assert checkpoint_files(out) == checkpoint_files(by_two)
    assert len((out / "previews.jsonl").read_text().splitlines()) == 2


WATCHED = """
import gc
import os
import sys
from torch import distributed
from torch.nn.parallel import DistributedDataParallel
from inpainting.cli import main
destroy = distributed.destroy_process_group
def watched():
    assert not [one for one in gc.get_objects() if isinstance(one, DistributedDataParallel)]
    destroy()
    os.write(1, b"left\\n")  # one call, so that the two processes' lines cannot mix
distributed.destroy_process_group = watched
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("limit", "code"), [((), 0), (("--time-limit", "0.1"), os.EX_TEMPFAIL)])
def test_no_ddp_object_exists_when_a_process_leaves_its_group(
    training_arguments: Arguments, tmp_path: Path, capfd: pytest.CaptureFixture[str], limit: tuple[str, ...], code: int
) -> None:
    """A DistributedDataParallel that goes after it may wait for ever: see `leaving_group`."""
    arguments = training_arguments(tmp_path, "--batch-size", "4", "--steps", "2", *limit)
    assert launch([sys.executable, "-c", WATCHED, *arguments], 2) == code
    assert capfd.readouterr().out.splitlines() == ["left", "left"]


SHARES = """
import sys
import torch
from inpainting.models import loading, lora
from inpainting.models.settings import LoraSettings
from inpainting.stages.training.fsdp import shard_base
torch.distributed.init_process_group("gloo")
cpu = torch.device("cpu")
transformer = loading.load_transformer(sys.argv[1], torch.float32, cpu, latent_size=(4, 4), frames=9)
lora.add_lora(transformer, LoraSettings(rank=2), seed=0)
trained = lora.prepare_training(transformer)
whole = sum(p.numel() for p in transformer.parameters() if not p.requires_grad)
shard_base(transformer, cpu)
found = {name: id(p) for name, p in lora.trainable_parameters(transformer).items()}
assert found == {name: id(p) for name, p in trained.items()}
mine = sum(p.to_local().numel() for p in transformer.parameters() if not p.requires_grad)
torch.distributed.destroy_process_group()
assert 0.4 * whole < mine < 0.6 * whole, (mine, whole)
"""


@pytest.mark.slow
def test_each_of_two_processes_holds_half_of_the_frozen_weights_and_all_that_trains(tiny_base: Path) -> None:
    assert launch([sys.executable, "-c", SHARES, str(tiny_base)], 2) == 0


def test_sharding_the_base_is_refused_with_one_process(
    training_arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(training_arguments(tmp_path, "--shard-base")) == 2
    assert "--shard-base: it shards the base over several processes, but there is only one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("batch_size", "micro_batch_size", "is_refused"), [(3, 1, True), (3, 2, False), (5, 2, True), (4, 1, False)]
)
def test_processes_that_share_the_base_make_equally_many_forward_passes(
    training_arguments: Arguments, tmp_path: Path, batch_size: int, micro_batch_size: int, is_refused: bool
) -> None:
    batches = ["--batch-size", str(batch_size), "--micro-batch-size", str(micro_batch_size)]
    settings = parse("train", training_arguments(tmp_path, "--shard-base", *batches)[1:])
    assert isinstance(settings, TrainCommand) and settings.index is not None
    cache = LatentCache(settings.index, "train")
    with pytest.raises(UsageError, match="give a multiple of 2") if is_refused else nullcontext():
        check_batches(settings, cache, processes=2)


def workers(launcher: int) -> list[int]:
    children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    return [int(child) for child in children]
