# Amazon S3 by curl, which signs by itself. $folder: where its answers are put.

# s3 BUCKET KEY VERSION [what curl takes]: writes the status; $folder/answer and $folder/headers have the rest.
# VERSION may be empty. $sent: a file, where something is stored. Ends with curl's own code: an answer that was cut
# has a status too.
s3() {
  local bucket=$1 key=$2 version=$3 address=https://s3.$AWS_REGION.${URL_SUFFIX:-amazonaws.com}
  shift 3
  address=${AWS_ENDPOINT_URL_S3:-${AWS_ENDPOINT_URL:-$address}}
  # What is secret goes through a pipe: the list of processes shows the command line. Lambda has no /dev/fd, by
  # which bash would name another pipe than standard input.
  {
    echo "user = \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\""
    [ -z "${AWS_SESSION_TOKEN:-}" ] || echo "header = \"x-amz-security-token: $AWS_SESSION_TOKEN\""
  } | curl --silent --show-error --retry 3 --path-as-is --aws-sigv4 "aws:amz:$AWS_REGION:s3" --config - \
    --header "x-amz-content-sha256: $(sha256sum "${sent:-/dev/null}" | cut -d' ' -f1)" \
    --dump-header "$folder/headers" --output "$folder/answer" --write-out '%{http_code}' \
    "$@" "$address/$bucket/$(encoded "$key")${version:+?versionId=$version}"
}

# put KEY MEDIA-TYPE FILE [HEADER ...]: stores a file in the output; writes the status.
put() {
  local key=$1 type=$2 sent=$3 header options=()
  shift 3
  for header; do options+=(--header "$header"); done
  s3 "$OUTPUT_BUCKET" "$key" '' --request PUT --data-binary "@$sent" --header "Content-Type: $type" "${options[@]}"
}

# The ETag of the last answer.
etag() {
  grep -i '^etag:' "$folder/headers" | cut -d' ' -f2 | tr -d '\r\n'
}

# Why S3 refused, in its own word: AccessDenied, InvalidObjectState, ...
code_of_error() {
  sed -n 's:.*<Code>\([A-Za-z]*\)</Code>.*:\1:p' "$folder/answer" | head -n 1
}

# A key as URLs have it.
encoded() {
  local LC_ALL=C key=$1 out='' at byte
  for ((at = 0; at < ${#key}; at++)); do
    byte=${key:at:1}
    if [[ $byte != [a-zA-Z0-9._~/-] ]]; then
      printf -v byte %d "'$byte"
      printf -v byte %%%02X $((byte & 255))
    fi
    out+=$byte
  done
  printf %s "$out"
}
