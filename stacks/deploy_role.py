"""An IAM role for deployments from GitHub Actions: one repository, one branch, no stored keys.

An administrator deploys it once per account, before and apart from everything else (docs/pipeline.md):
`cdk deploy --app "python3 -m stacks.deploy_role" --parameters Repository=OWNER@ID/NAME@ID`
"""

from stacks import start  # isort: skip - before CDK
import aws_cdk as cdk
import aws_cdk.aws_iam as iam
from constructs import Construct

from stacks.settings import Settings

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
SESSION = cdk.Duration.hours(2)
Bootstrapped = cdk.DefaultStackSynthesizer
ROLES = (
    Bootstrapped.DEFAULT_DEPLOY_ROLE_ARN,
    Bootstrapped.DEFAULT_FILE_ASSET_PUBLISHING_ROLE_ARN,
    Bootstrapped.DEFAULT_IMAGE_ASSET_PUBLISHING_ROLE_ARN,
)
"""The roles of `cdk bootstrap` that the CDK CLI assumes to deploy.

The lookup role is left out: it may read the whole account, and nothing here is looked up.
"""


class DeployRole(cdk.Stack):
    """GitHub's OIDC tokens -> a role that may assume three of the CDK's bootstrap roles, and nothing else."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=settings.stack_name(construct_id),
            termination_protection=settings.is_production,
            description="Deploys from GitHub Actions, for one branch of one repository",
        )
        repository = cdk.CfnParameter(
            self,
            "Repository",
            description="Repository as in its tokens' subject: example@12/images@345 or example/images",
            allowed_pattern=r"[A-Za-z0-9_-]+(@[0-9]+)?/[A-Za-z0-9._-]+(@[0-9]+)?",
        )
        branch = cdk.CfnParameter(
            self,
            "Branch",
            default="main",
            description="Branch whose workflow runs may deploy",
            allowed_pattern=r"[A-Za-z0-9._/-]+",
        )
        provider = cdk.CfnParameter(
            self,
            "Provider",
            default="new",
            allowed_values=["new", "existing"],
            description="existing if the account already has GitHub's identity provider (it has at most one)",
        )
        is_new = cdk.CfnCondition(
            self, "IsNew", expression=cdk.Fn.condition_equals(provider.value_as_string, "new")
        )
        trusted = iam.CfnOIDCProvider(self, "GitHub", url=f"https://{ISSUER}", client_id_list=[AUDIENCE])
        trusted.cfn_options.condition = is_new
        existing = self.format_arn(service="iam", region="", resource="oidc-provider", resource_name=ISSUER)
        # If the job names no environment, its token's subject names the branch; tokens of forks and of pull
        # requests have other subjects: https://docs.github.com/en/actions/reference/openid-connect-reference
        subject = f"repo:{repository.value_as_string}:ref:refs/heads/{branch.value_as_string}"
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.WebIdentityPrincipal(
                cdk.Fn.condition_if(is_new.logical_id, trusted.attr_arn, existing).to_string(),
                {"StringEquals": {f"{ISSUER}:aud": AUDIENCE, f"{ISSUER}:sub": subject}},
            ),
            max_session_duration=SESSION,
            description="Assumes the CDK's bootstrap roles",
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["sts:AssumeRole"], resources=[_in_this_account(arn) for arn in ROLES]
            )
        )
        cdk.CfnOutput(
            self, "RoleArn", value=role.role_arn, description="For SANDBOX_ROLE_ARN or PRODUCTION_ROLE_ARN"
        )


def _in_this_account(arn: str) -> str:
    qualified = arn.replace("${Qualifier}", Bootstrapped.DEFAULT_QUALIFIER)
    return cdk.Fn.sub(qualified)


def compose(scope: Construct, settings: Settings) -> None:
    """Create the stack, the only one of this app."""
    DeployRole(scope, "DeployRole", settings=settings)


if __name__ == "__main__":
    start.run(compose)
