# The function: numbers the lines of each uploaded text. It implements the part of docs/contract.md about
# uploads; it gets no deletion events.
source ./s3.sh
MOST_BYTES=10000000
FOR_EVER='Cache-Control: public, max-age=31536000, s-maxage=86400, immutable'

# handle FILE: an SQS event whose only message is an S3 event. A failure ends the shell, and SQS redelivers.
handle() {
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  json "$1" body >"$folder/event"
  [ "$(of_event detail-type)" = 'Object Created' ] # any other event is an error
  # One assignment per command: of several in one, only the last one's failure counts.
  bucket=$(of_event name)
  version=$(of_event version-id)
  sequencer=$(of_event sequencer)
  of_event key >"$folder/key"
  key=$(cat "$folder/key" && echo .)
  key=${key%.} # it may end with a newline, which $() drops
  raw_key=$(of_event key raw=1)
  for part in "$bucket" "$version" "$key" "$sequencer"; do
    [ -n "$part" ] # not in an && list, in which only the last command's failure would count
  done
  size=$(grep -o '"size": *[0-9]*' "$folder/event" | tr -dc 0-9)
  source=$(
    printf '{"bucket": "%s", "key": "%s", "version_id": "%s", "bytes": %d}' "$bucket" "$raw_key" "$version" "$size"
  )
  job_id=$(printf '%s\0%s\0%s' "$bucket" "$key" "$version" | sha256sum | cut -c1-32)
  manifest="v/$job_id/manifest.json"
  if [[ $key == */ ]]; then
    say Ignored
    return
  fi
  status=$(s3 "$OUTPUT_BUCKET" "$manifest" '')
  case $status in
    200) show ;; # done before
    404) make ;;
    *) fail "S3 answered $status for the manifest." ;;
  esac
}

make() {
  local code=0 rejection=() reason message
  status=$(s3 "$bucket" "$key" "$version" --max-filesize $MOST_BYTES) || code=$?
  case $code-$status in
    0-200) ;;
    63-*) rejection=(too-many-bytes "The file has more than $MOST_BYTES bytes.") ;;
    0-404) rejection=(source-gone 'The file was deleted before its turn.') ;;
    0-403) [ "$(code_of_error)" != InvalidObjectState ] || rejection=(unreadable 'It is in an archive.') ;;
  esac
  if [ ${#rejection[@]} -gt 0 ]; then
    reject "${rejection[@]}"
    return
  fi
  [ "$code-$status" = 0-200 ] || fail "S3 answered $status for the source, and curl ended with $code."
  mv "$folder/answer" "$folder/source"
  mkdir "$folder/results"
  env -i PATH="$PATH" SOURCE="$folder/source" RESULTS="$folder/results" TMPDIR="$folder" \
    ./lines.sh >"$folder/said" || code=$?
  grep -v '^progress \|^rejected ' "$folder/said" || true # the program's other output, for the log
  if [ $code -eq 3 ]; then
    grep '^rejected ' "$folder/said" >"$folder/rejected"
    read -r _ reason message <"$folder/rejected"
    reject "$reason" "$message"
    return
  fi
  [ $code -eq 0 ] || fail "The program ended with $code."
  store "v/$job_id/numbered.txt" text/plain numbered.txt
  store "v/$job_id/count.json" application/json count.json
  printf '{"lines": %d, "source": %s, "job_id": "%s", "sequencer": "%s"}' \
    "$(cat "$folder/results/count.json")" "$source" "$job_id" "$sequencer" >"$folder/manifest"
  status=$(put "$manifest" application/json "$folder/manifest" "$FOR_EVER" 'If-None-Match: *')
  [[ $status =~ ^(200|412)$ ]] || fail "S3 answered $status for the manifest."
  status=$(s3 "$OUTPUT_BUCKET" "$manifest" '') # the stored one: another attempt's, if that came first
  [ "$status" = 200 ] || fail "S3 answered $status for the manifest."
  show
}

# Moves the key's pointer to the manifest that was just read, unless the pointer is newer.
show() {
  local pointer condition race
  cp "$folder/answer" "$folder/manifest"
  pointer="latest/$(encoded "$key").json"
  [ ${#pointer} -le 1024 ] || pointer="latest/=sha256/$(printf %s "$key" | sha256sum | cut -d' ' -f1).json"
  for race in 1 2 3 4 5 6 7 8 9 10; do
    status=$(s3 "$OUTPUT_BUCKET" "$pointer" '')
    case $status in
      200)
        shown=$(json "$folder/answer" sequencer)
        if ! is_newer "$sequencer" "$shown"; then
          if [ "$(json "$folder/answer" job_id)" = "$job_id" ]; then say Published; else say Superseded; fi
          return
        fi
        condition="If-Match: $(etag)"
        ;;
      404) condition='If-None-Match: *' ;;
      *) fail "S3 answered $status for the pointer." ;;
    esac
    status=$(put "$pointer" application/json "$folder/manifest" 'Cache-Control: no-cache' "$condition")
    case $status in
      200) say Published && return ;;
      404 | 409 | 412) sleep 0.$race ;; # another event of the key was faster
      *) fail "S3 answered $status for the pointer." ;;
    esac
  done
  fail 'The pointer changed ten times.'
}

# reject REASON MESSAGE
reject() {
  printf '{"job_id": "%s", "source": %s, "reason": "%s", "message": "%s"}' \
    "$job_id" "$source" "$1" "$(escaped "$2")" >"$folder/rejection"
  status=$(put "rejected/$job_id.json" application/json "$folder/rejection" 'Cache-Control: no-cache')
  [ "$status" = 200 ] || fail "S3 answered $status for the rejection."
  say Rejected
}

# store KEY MEDIA-TYPE FILE: stores a result of the program.
store() {
  status=$(put "$1" "$2" "$folder/results/$3" "$FOR_EVER")
  [ "$status" = 200 ] || fail "S3 answered $status for $3."
}

# json FILE NAME [raw=1]
json() {
  LC_ALL=C awk -v name="$2" ${3:+-v "$3"} -f json.awk "$1"
}

of_event() {
  json "$folder/event" "$@"
}

# Prints a text escaped for a JSON string, without its control characters.
escaped() {
  printf %s "$1" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g'
}

# Sequencers are hexadecimal, compared as text once the shorter is padded with zeros on the right.
is_newer() {
  local LC_ALL=C one=$1 other=$2
  while [ ${#one} -lt ${#other} ]; do one+=0; done
  while [ ${#other} -lt ${#one} ]; do other+=0; done
  [[ $one > $other ]]
}

say() {
  echo "{\"message\": \"$(escaped "$1")\", \"job_id\": \"$job_id\"}"
}

fail() {
  say "$1" >&2
  exit 1
}
