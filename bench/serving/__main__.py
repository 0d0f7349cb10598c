"""Measures ``python -m serving`` beside bare ``vllm serve``: ``make bench-serving``.

``plan`` writes what is going to be measured, ``run`` measures it on a machine with vLLM, which needs nothing of this
repository but ``serving/`` and ``bench/serving/``, and ``report`` shows what was found. ``all`` does the three here.
"""

import argparse
import tempfile
from pathlib import Path

from bench.serving.plan import Plan
from bench.serving.report import REPORTED, print_report


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
        each.add_argument("file", type=Path, help="the plan")
    run.add_argument("results", type=Path, help="file that a line is added to for everything that is found")
    run.add_argument("--folder", type=Path, required=True, help="for models, caches and logs")
    report.add_argument("results", type=Path, nargs="?", default=REPORTED)
    for each in (run, everything):
        each.add_argument("--python", default="python3", help="the Python that has vLLM")
        each.add_argument("--seconds", type=float, default=3600.0, help="how long it may take")
    return parser.parse_args()


def _plan(name: str) -> Plan:
    # Here, for it reads the table of models, which a machine with vLLM need not have.
    from bench.serving.shapes import PLANS

    return PLANS[name]()


def _run(given: argparse.Namespace, plan: Plan, folder: Path) -> None:
    from bench.serving.runner import Runner

    Runner(plan, given.python, folder, given.results, given.seconds).run()


if __name__ == "__main__":
    main()
