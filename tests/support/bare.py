"""Print MiniStack's behaviour without our patches, as JSON; MiniStack's own interpreter runs this."""

import json
from types import SimpleNamespace
from xml.etree.ElementTree import fromstring

from ministack.services import cloudfront, ecs, imds
from ministack.services.cloudformation import stacks

CONTAINER = {
    "name": "a",
    "image": "a",
    "entryPoint": ["python3"],
    "user": "10001",
    "readonlyRootFilesystem": True,
    "stopTimeout": 30,
    "linuxParameters": {"capabilities": {"drop": ["ALL"]}},
    "mountPoints": [{"sourceVolume": "scratch", "containerPath": "/scratch"}],
    "healthCheck": {"command": ["CMD", "true"]},
}
TASK = {"cpu": "512", "memory": "1024", "volumes": [{"name": "scratch"}]}
VPC_ORIGIN = "<VpcOriginConfig><VpcOriginId>vo</VpcOriginId></VpcOriginConfig>"
ORIGIN = fromstring(f"<Origin><DomainName>a</DomainName>{VPC_ORIGIN}</Origin>")  # noqa: S314

options = ecs._build_run_kwargs(CONTAINER, TASK, {}, {}, None, False, "t", "t", None, "c")
waited: list[float] = []
container = SimpleNamespace(id="c", stop=lambda timeout: waited.extend([timeout]), remove=lambda **_: None)
ecs._remove_docker_container(SimpleNamespace(), container)
print(
    json.dumps(
        {
            "options": sorted(options),
            "stop_timeout": waited,
            "role": imds._ecs_task_credentials_doc().get("RoleArn", ""),
            "service_blocks": not stacks._runs_on_worker_thread("AWS::ECS::Service"),
            "vpc_origin": cloudfront._dataplane_origin(ORIGIN)["protocol_policy"],
        }
    )
)
