"""What a Kinesis stream keeps when its shards change."""

import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import kinesis

Shard = dict[str, Any]


def keep_shards_that_are_closed() -> None:
    """Keep the records of a shard that was split or merged; MiniStack drops them with it.

    UpdateShardCount to more than double or less than half is refused, as on AWS.
    """
    for operation in ("_split_shard", "_merge_shards", "_update_shard_count"):
        setattr(kinesis, operation, _keeping(getattr(kinesis, operation)))
    route, describe, summarise = kinesis._route_to_shard, kinesis._shard_out, kinesis._describe_stream_summary

    def describe_closed(shard_id: str, shard: Shard) -> Any:
        described = describe(shard_id, shard)
        if shard.get("closed"):
            last = shard["records"][-1]["SequenceNumber"] if shard["records"] else ""
            ends = last or shard["starting_sequence_number"]
            described["SequenceNumberRange"]["EndingSequenceNumber"] = ends
        return described

    def count_open_ones(data: dict[str, Any]) -> Any:
        status, headers, answer = summarise(data)
        if status == 200:
            told = json.loads(answer)
            _, stream = kinesis._resolve_stream(data)
            told["StreamDescriptionSummary"]["OpenShardCount"] = len(open_shards(stream))
            answer = json.dumps(told).encode()
        return status, headers, answer

    kinesis._route_to_shard = lambda key, stream: route(key, {**stream, "shards": open_shards(stream)})
    kinesis._shard_out, kinesis._describe_stream_summary = describe_closed, count_open_ones


def _keeping(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def keep(data: dict[str, Any]) -> Any:
        _, stream = kinesis._resolve_stream(data)
        if not stream:
            return change(data)
        before, is_open = dict(stream["shards"]), open_shards(stream)
        wanted = int(data.get("TargetShardCount") or len(is_open))
        if not len(is_open) / 2 <= wanted <= 2 * len(is_open):
            said = (
                f"UpdateShardCount cannot go from {len(is_open)} to {wanted}: at most double, at least half."
            )
            return error_response_json("LimitExceededException", said, 400)
        stream["shards"] = is_open
        first = 1 + max(int(shard_id.split("-")[1]) for shard_id in before)
        answer = change(data)
        after = stream["shards"]
        if "TargetShardCount" in data and answer[0] == 200:  # MiniStack numbers from 0, without parents
            after = {f"shardId-{first + n:012d}": shard for n, shard in enumerate(after.values())}
            for shard in after.values():
                shard["parent_shard_id"] = _holder_of(shard["starting_hash_key"], is_open)
                shard["adjacent_parent_shard_id"] = _holder_of(shard["ending_hash_key"], is_open)
        closed = {one: {**shard, "closed": True} for one, shard in before.items() if one not in after}
        stream["shards"] = closed | after
        return answer

    return keep


def open_shards(stream: dict[str, Any]) -> dict[str, Shard]:
    """Return the shards that accept records."""
    return {one: shard for one, shard in stream["shards"].items() if not shard.get("closed")}


def _holder_of(hash_key: str, shards: dict[str, Shard]) -> str:
    at = int(hash_key)
    found = (
        one
        for one, shard in shards.items()
        if int(shard["starting_hash_key"]) <= at <= int(shard["ending_hash_key"])
    )
    return next(found)
