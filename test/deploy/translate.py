"""Translates a SAM template as AWS does, once for each object of parameters, and prints the CloudFormation templates as JSON.

Takes the template's file, the bucket and key of the function's code, and a JSON list of parameters.
"""

import json
import sys

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class ManagedPolicies:
    """The only managed policy that SAM adds: to CodeDeploy's role."""

    def load(self):
        name = "AWSCodeDeployRoleForLambdaLimited"
        return {name: f"arn:aws:iam::aws:policy/service-role/{name}"}


def translated(text, uri, parameters):
    template = yaml_parse(text)
    template["Resources"]["Function"]["Properties"]["CodeUri"] = uri
    return transform(template, parameters, ManagedPolicies())


file, bucket, key, parameters = sys.argv[1:]
with open(file, encoding="utf8") as content:
    text = content.read()
print(json.dumps([translated(text, f"s3://{bucket}/{key}", each) for each in json.loads(parameters)]))
