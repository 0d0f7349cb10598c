"""Measures ``python -m serving`` beside bare ``vllm serve``: ``make bench-serving``.

``plan`` writes what is going to be measured, ``run`` measures it on a machine with vLLM, which needs nothing of this
repository but ``serving/``, ``bench/serving/`` and ``bench/arguments.py``, and ``report`` shows what was found. ``all``
does the three here.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.arguments import existing
from bench.serving.clients import ClientError
from bench.serving.plan import Plan
from bench.serving.report import REPORTED, print_report
from bench.serving.runner import LOG, Runner


def main() -> None:
    """Do what was asked for."""
    given = _arguments()
    if given.command == "report":
        print_report(given.results)
    elif given.command == "plan":
        _plan(given.name).write(given.file)
    elif given.command == "run":
        _run(given, Plan.read(given.file), given.folder)
    else:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            given.results = Path(folder) / "results.jsonl"
            _run(given, _plan(given.name), Path(folder))
            print_report(given.results)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.serving", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    plan, run = commands.add_parser("plan"), commands.add_parser("run")
    report, everything = commands.add_parser("report"), commands.add_parser("all")
    for each in (plan, everything):
        each.add_argument("name", help="tiny, small, large, gemma or starts; tiny needs no GPU")
    for each in (plan, run):
        each.add_argument("file", type=existing if each is run else Path, help="the plan")
    run.add_argument("results", type=Path, help="file that a line is added to for everything that is found")
    run.add_argument("--folder", type=Path, required=True, help="for models, caches and logs")
    report.add_argument("results", type=existing, nargs="?", default=REPORTED)
    for each in (run, everything):
        each.add_argument("--python", default="python3", help="the Python that has vLLM")
        each.add_argument("--seconds", type=float, default=3600.0, help="how long it may take")
    return parser.parse_args()


def _plan(name: str) -> Plan:
    # Here, for it reads the table of models, which a machine with vLLM need not have.
    from bench.serving.shapes import PLANS

    if name not in PLANS:
        sys.exit(f"There is no plan '{name}': name one of {', '.join(PLANS)}.")
    return PLANS[name]()


def _run(given: argparse.Namespace, plan: Plan, folder: Path) -> None:
    # Nothing of the repository's other parts is used to tell what went wrong: they are not on a machine with a GPU.
    if shutil.which(given.python) is None:
        sys.exit(
            f"There is no '{given.python}': name the Python that has vLLM by --python. `make setup` makes one here."
        )
    try:
        Runner(plan, given.python, folder, given.results, given.seconds).run()
    except ClientError as error:
        sys.exit(f"vLLM's benchmark could not be asked: {error}.\n{(folder / LOG).read_text()[-2000:]}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"'{given.python}' could not make tokenizers ({error.returncode}): it needs vLLM, which brings them.")
    except KeyboardInterrupt:
        print("Interrupted. What it had started is stopped; what was measured stands above.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
