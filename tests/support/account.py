"""Fake answers of AWS about an account, for the tests of preflight's checks."""

from typing import Any

from botocore.exceptions import ClientError


def quota(value: float) -> dict[str, Any]:
    return {"Quota": {"Value": value}}


def zone(zone_id: str, state: str = "available", name: str = "us-east-1a") -> dict[str, Any]:
    return {"ZoneId": zone_id, "ZoneName": name, "State": state}


def error(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Call")
