# Amazon S3 by curl, which signs requests itself. $folder: where responses are stored.

# s3 BUCKET KEY VERSION [CURL-OPTION ...]: prints the HTTP status; $folder/answer and $folder/headers have the
# rest. VERSION may be empty. $sent: the file to upload, if any. Returns curl's exit code, since a truncated
# response has a status too.
s3() {
  local bucket=$1 key=$2 version=$3 address=https://s3.$AWS_REGION.${URL_SUFFIX:-amazonaws.com}
  shift 3
  address=${AWS_ENDPOINT_URL_S3:-${AWS_ENDPOINT_URL:-$address}}
  # Secrets go through standard input, since command lines show in the list of processes. Process substitution
  # would need /dev/fd, which Lambda does not have.
  {
    echo "user = \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\""
    [ -z "${AWS_SESSION_TOKEN:-}" ] || echo "header = \"x-amz-security-token: $AWS_SESSION_TOKEN\""
  } | curl --silent --show-error --retry 3 --path-as-is --aws-sigv4 "aws:amz:$AWS_REGION:s3" --config - \
    --header "x-amz-content-sha256: $(sha256sum "${sent:-/dev/null}" | cut -d' ' -f1)" \
    --dump-header "$folder/headers" --output "$folder/answer" --write-out '%{http_code}' \
    "$@" "$address/$bucket/$(encoded "$key")${version:+?versionId=$version}"
}

# put KEY MEDIA-TYPE FILE [HEADER ...]: stores a file in the output bucket; prints the HTTP status.
put() {
  local key=$1 type=$2 sent=$3 header options=()
  shift 3
  for header; do options+=(--header "$header"); done
  s3 "$OUTPUT_BUCKET" "$key" '' --request PUT --data-binary "@$sent" --header "Content-Type: $type" "${options[@]}"
}

# Prints the ETag of the last response.
etag() {
  grep -i '^etag:' "$folder/headers" | cut -d' ' -f2 | tr -d '\r\n'
}

# Prints the error code of the last response: AccessDenied, InvalidObjectState, ...
code_of_error() {
  sed -n 's:.*<Code>\([A-Za-z]*\)</Code>.*:\1:p' "$folder/answer" | head -n 1
}

# Prints a key percent-encoded, for a URL.
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
