# The function: numbers the lines of each text that is uploaded, by docs/contract.md; it hears of no deletions.
source ./s3.sh
MOST_BYTES=10000000

# handle FILE: an event of SQS with one message, which is an event of S3.
handle() {
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  json "$1" body >"$folder/event"
  [ "$(of_event detail-type)" = 'Object Created' ] # whatever else comes is an error
  bucket=$(of_event name) version=$(of_event version-id) sequencer=$(of_event sequencer)
  key=$(of_event key && echo .) && key=${key%.} # a key may end with a newline, which $() drops
  source=$(
    printf '{"bucket": "%s", "key": "%s", "version_id": "%s", "bytes": %d}' "$bucket" "$(of_event key raw=1)" \
      "$version" "$(grep -o '"size": *[0-9]*' "$folder/event" | tr -dc 0-9)"
  )
  job_id=$(printf '%s\0%s\0%s' "$bucket" "$key" "$version" | sha256sum | cut -c1-32)
  manifest="v/$job_id/manifest.json"
  if [[ $key == */ ]]; then
    say Ignored
    return
  fi
  status=$(s3 "$OUTPUT_BUCKET" "$manifest" '')
  case $status in
    200) show ;; # it was done before
    404) make ;;
    *) fail "S3 answered $status for the manifest." ;;
  esac
}

make() {
  local status code=0 file reason message
  status=$(s3 "$bucket" "$key" "$version" --max-filesize $MOST_BYTES) || code=$?
  [ $code -ne 63 ] || { reject too-many-bytes "The file has more than $MOST_BYTES bytes." && return; }
  [ "$status" != 404 ] || { reject source-gone "The file was deleted before its turn." && return; }
  [ "$status" = 200 ] || fail "S3 answered $status for the source."
  mv "$folder/answer" "$folder/source"
  mkdir "$folder/results"
  code=0
  SOURCE=$folder/source RESULTS=$folder/results ./lines.sh >"$folder/said" || code=$?
  case $code in
    0) ;;
    3)
      read -r _ reason message < <(grep '^rejected ' "$folder/said")
      reject "$reason" "$message"
      return
      ;;
    *) fail "The program ended with $code." ;;
  esac
  for file in numbered.txt:text/plain count.json:application/json; do
    stored 200 "$(put "v/$job_id/${file%:*}" "${file#*:}" "$folder/results/${file%:*}" "$FOR_EVER")"
  done
  printf '%s, "source": %s, "job_id": "%s", "sequencer": "%s"}' \
    "$(tr -d '}' <"$folder/results/manifest.json")" "$source" "$job_id" "$sequencer" >"$folder/manifest"
  stored '200|412' "$(put "$manifest" application/json "$folder/manifest" "$FOR_EVER" 'If-None-Match: *')"
  stored 200 "$(s3 "$OUTPUT_BUCKET" "$manifest" '')"
  show
}

# Moves the key's pointer to the manifest that was just read, unless it shows something newer.
show() {
  local pointer status condition race
  cp "$folder/answer" "$folder/manifest"
  pointer="latest/$(encoded "$key").json"
  [ ${#pointer} -le 1024 ] || pointer="latest/=sha256/$(printf %s "$key" | sha256sum | cut -d' ' -f1).json"
  for race in 1 2 3 4 5 6 7 8 9 10; do
    status=$(s3 "$OUTPUT_BUCKET" "$pointer" '')
    case $status in
      200)
        is_newer "$sequencer" "$(json "$folder/answer" sequencer)" || { say Superseded && return; }
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
  fail "The pointer changed ten times."
}

# reject REASON MESSAGE
reject() {
  printf '{"job_id": "%s", "source": %s, "reason": "%s", "message": "%s"}' \
    "$job_id" "$source" "$1" "$2" >"$folder/rejection"
  stored 200 "$(put "rejected/$job_id.json" application/json "$folder/rejection" 'Cache-Control: no-cache')"
  say Rejected
}

FOR_EVER='Cache-Control: public, max-age=31536000, s-maxage=86400, immutable'

# json FILE NAME [raw=1]
json() {
  LC_ALL=C awk -v name="$2" ${3:+-v "$3"} -f json.awk "$1"
}

of_event() {
  json "$folder/event" "$@"
}

# Sequencers are hexadecimal, compared as text once the shorter is padded with zeros on the right.
is_newer() {
  local LC_ALL=C one=$1 other=$2
  while [ ${#one} -lt ${#other} ]; do one+=0; done
  while [ ${#other} -lt ${#one} ]; do other+=0; done
  [[ $one > $other ]]
}

stored() {
  [[ $2 =~ ^($1)$ ]] || fail "S3 answered $2 for a result."
}

say() {
  echo "{\"message\": \"$1\", \"job_id\": \"$job_id\"}"
}

fail() {
  say "$1" >&2
  exit 1
}
