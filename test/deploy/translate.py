"""Translates a SAM template as AWS does, and prints the CloudFormation template as JSON.

Takes the template's file, the bucket and key of the function's code, and the parameters as JSON.
"""

import json
import sys

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class ManagedPolicies:
    """The one managed policy that SAM gives: to the role of CodeDeploy."""

    def load(self):
        name = "AWSCodeDeployRoleForLambdaLimited"
        return {name: f"arn:aws:iam::aws:policy/service-role/{name}"}


file, bucket, key, parameters = sys.argv[1:]
with open(file, encoding="utf8") as text:
    template = yaml_parse(text.read())
template["Resources"]["Function"]["Properties"]["CodeUri"] = f"s3://{bucket}/{key}"
print(json.dumps(transform(template, json.loads(parameters), ManagedPolicies())))
