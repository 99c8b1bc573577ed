#!/bin/sh
# Numbers and counts the lines of a text, by the contract of docs/any-language.md:
# $SOURCE is a file, $RESULTS an empty folder. Exits with 0 if done, 3 if the source is rejected.
set -eu
export LC_ALL=C

bytes=$(wc -c <"$SOURCE")
if [ "$(tr -d '\000' <"$SOURCE" | wc -c)" -ne "$bytes" ]; then
  echo "rejected unsupported-format The file holds a NUL byte: it is not text."
  exit 3
fi

ends_with_newline=$([ "$bytes" -gt 0 ] && [ -z "$(tail -c 1 "$SOURCE")" ] && echo yes || echo no)
awk -v bytes="$bytes" -v ends_with_newline="$ends_with_newline" -v results="$RESULTS" '
  { printf "%s%d %s", (NR > 1 ? "\n" : ""), NR, $0 >(results "/numbered.txt") }
  { done += length($0) + 1 }
  done >= next_said {
    printf "progress %.4f\n", (done < bytes ? done / bytes : 1)
    fflush()
    next_said = done + bytes / 100
  }
  END {
    printf "%s", (ends_with_newline == "yes" ? "\n" : "") >(results "/numbered.txt")
    printf "%d", NR >(results "/count.json")
    printf "{\"lines\": %d}", NR >(results "/manifest.json")
  }
' "$SOURCE"
