"""AWS's list prices for us-east-1, November 2026, typed in independently for bills.py.

None is copied from the chooser.
"""

from decimal import Decimal

HOURS, MILLION, GIB = Decimal(730), Decimal(10**6), Decimal(1024)
FARGATE = {  # vCPU-hour, GB-hour
    ("x86_64", False): (Decimal("0.04048"), Decimal("0.004445")),
    ("arm64", False): (Decimal("0.03238"), Decimal("0.00356")),
    ("x86_64", True): (Decimal("0.01288871"), Decimal("0.00141527")),
    ("arm64", True): (Decimal("0.01030969"), Decimal("0.00113349")),
}
LAMBDA = {  # GB-second in three tiers
    "x86_64": (
        (Decimal("6e9"), Decimal("0.0000166667")),
        (Decimal("15e9"), Decimal("0.0000150000")),
        (None, Decimal("0.0000133334")),
    ),
    "arm64": (
        (Decimal("7.5e9"), Decimal("0.0000133334")),
        (Decimal("18.75e9"), Decimal("0.0000120001")),
        (None, Decimal("0.0000106667")),
    ),
}
KEPT = {
    "x86_64": (Decimal("0.0000041667"), Decimal("0.0000097222")),
    "arm64": (Decimal("0.0000033334"), Decimal("0.0000077778")),
}
FUNCTION_LOGS = (
    (Decimal(10240), Decimal("0.50")),
    (Decimal(30720), Decimal("0.25")),
    (Decimal(51200), Decimal("0.10")),
    (None, Decimal("0.05")),
)
INTERNET = (
    (Decimal(10240), Decimal("0.09")),
    (Decimal(51200), Decimal("0.085")),
    (Decimal(153600), Decimal("0.07")),
    (None, Decimal("0.05")),
)
CLOUDFRONT = (
    (Decimal(10240), Decimal("0.085")),
    (Decimal(51200), Decimal("0.080")),
    (Decimal(153600), Decimal("0.060")),
    (Decimal(512000), Decimal("0.040")),
    (Decimal(1048576), Decimal("0.030")),
    (Decimal(5242880), Decimal("0.025")),
    (None, Decimal("0.020")),
)
HTTP_API = ((Decimal(300), Decimal("1.00")), (None, Decimal("0.90")))
REST_API = (
    (Decimal(333), Decimal("3.50")),
    (Decimal(1000), Decimal("2.80")),
    (Decimal(20000), Decimal("2.38")),
    (None, Decimal("1.51")),
)
WEBSOCKET = ((Decimal(1000), Decimal("1.00")), (None, Decimal("0.80")))
IPV4, BALANCER, UNIT = Decimal("0.005") * HOURS, Decimal("0.0225") * HOURS, Decimal("0.008") * HOURS
