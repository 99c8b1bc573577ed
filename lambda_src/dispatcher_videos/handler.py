"""Entry point of the dispatcher if `videos=on`: lambda_src/dispatcher/handler.py with videos added."""

import os
from dataclasses import replace
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambda_src.dispatcher.handler import dispatcher as scans
from runtime.sqs_batch import Outcome, each_message
from runtime.work.environment import VideoEnvironment
from runtime.work.videos.facts import VideoLimits
from runtime.work.videos.videos import Videos

told = VideoEnvironment.from_variables(os.environ)
videos = Videos(limits=VideoLimits(seconds=told.max_video_seconds, bytes=told.max_video_bytes))
dispatcher = replace(scans, works=replace(scans.works, kinds=[*scans.works.kinds, videos]))


def _work(message: dict[str, Any], context: LambdaContext) -> Outcome:
    """Handle one event of the source bucket, or one wake-up of a waiting job."""
    return dispatcher.run(message, lambda: context.get_remaining_time_in_millis() / 1000)


handler = each_message(_work)
