"""Writes the table of each stored result into docs/benchmarks.md. Nothing is measured."""

from bench.measure import PAGE, RESULTS, with_table


def main() -> None:
    text = PAGE.read_text()
    for result in sorted(RESULTS.glob("*.json")):
        text = with_table(text, result.stem)
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
