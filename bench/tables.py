"""Writes the table of each kept result into docs/benchmarks.md anew. Nothing is measured."""

from bench.measure import PAGE, RESULTS, with_table


def main() -> None:
    text = PAGE.read_text()
    for result in sorted(RESULTS.glob("*.json")):
        text = with_table(text, result.stem)
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
