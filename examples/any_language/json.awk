# Prints the first string with a given name in a JSON text, unescaped, as UTF-8; with raw=1, as it is written.
# Usage: LC_ALL=C awk -v name=key [-v raw=1] -f json.awk FILE. Exits with 1 if the string is missing or malformed.

{ text = text $0 "\n" }

END {
  for (at = 1; at <= length(text); at++) {
    if (substr(text, at, 1) != "\"") continue
    start = at + 1
    for (at++; at <= length(text) && substr(text, at, 1) != "\""; at++) if (substr(text, at, 1) == "\\") at++
    if (at > length(text)) exit 1
    found = substr(text, start, at - start)
    if (is_value) {
      printf "%s", raw ? found : decoded(found)
      exit 0
    }
    is_value = found == name && match(substr(text, at + 1), /^[ \t\r\n]*:[ \t\r\n]*"/)
  }
  exit 1
}

function decoded(string,    at, out, escape, code, low) {
  while (at = index(string, "\\")) {
    out = out substr(string, 1, at - 1)
    escape = substr(string, at + 1, 1)
    string = substr(string, at + 2)
    if (escape == "u") {
      code = hex(substr(string, 1, 4))
      string = substr(string, 5)
      low = substr(string, 1, 2) == "\\u" ? hex(substr(string, 3, 4)) : 0
      if (code >= 55296 && code < 56320 && low >= 56320 && low < 57344) {  # a surrogate pair
        code = 65536 + (code - 55296) * 1024 + low - 56320
        string = substr(string, 7)
      } else if (code >= 55296 && code < 57344) {
        exit 1  # a lone surrogate is no character
      }
      out = out utf8(code)
    } else {
      at = index("bfnrt", escape)
      out = out (at ? substr("\b\f\n\r\t", at, 1) : escape)
    }
  }
  return out string
}

function hex(digits,    at, value) {
  for (at = 1; at <= length(digits); at++)
    value = value * 16 + index("0123456789abcdef", tolower(substr(digits, at, 1))) - 1
  return value
}

function utf8(code) {
  if (code < 128) return sprintf("%c", code)
  if (code < 2048) return sprintf("%c%c", 192 + int(code / 64), 128 + code % 64)
  if (code < 65536)
    return sprintf("%c%c%c", 224 + int(code / 4096), 128 + int(code / 64) % 64, 128 + code % 64)
  return sprintf("%c%c%c%c", 240 + int(code / 262144), 128 + int(code / 4096) % 64, 128 + int(code / 64) % 64, 128 + code % 64)
}
