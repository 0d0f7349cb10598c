"""Kill each model once, every night, and fail the job where a client would have noticed.

python -m examples.nightly_drill prod --page-file drill.html
"""

from pathlib import Path

from stacks import automation
from stacks.drill import page, table


def main(stack: str, page_file: Path = Path("drill.html")) -> None:
    """Hold a fail-over drill on STACK; leave a page with the latencies behind."""
    report = automation.drill(stack)
    print(table(report))
    page_file.write_text(page(report), encoding="utf-8")
    if not report.passed:
        raise SystemExit(1)


if __name__ == "__main__":
    automation.script(main)
