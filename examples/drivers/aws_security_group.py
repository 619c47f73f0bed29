#!/usr/bin/env python3
"""Blocks an instance of AWS by one security group in place of all others, for `driver: exec` of Stopgap.

    aws_security_group.py --group sg-… [--acl acl-…]

Every interface of the instance gets the group alone. The group may have rules for networks of `allow`; a new group
lets everything out: revoke that. AWS tracks flows, and a tracked flow lives on after its group is gone; with `--acl`
the subnets of the interfaces get this network ACL, too, which is stateless, and cuts *everybody* there off. Needs
boto3, and its usual credentials: list the variables that it reads in `env`. The instance is the target's `guest`, or
else who has the target's addresses. Tried against moto, never against the real cloud.
"""

from __future__ import annotations

import argparse
import os
from ipaddress import ip_network
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from stopgap_driver import PartlyError, Provider, RefusedError, Said, Snapshot, UnreachedError, serve


class Aws(Provider):
    """The interfaces of one instance."""

    def __init__(self, request: dict[str, Any], arguments: list[str]) -> None:
        super().__init__(request, arguments)
        parser = argparse.ArgumentParser(exit_on_error=False)
        parser.add_argument("--group", required=True)
        parser.add_argument("--acl")
        try:
            words = parser.parse_args(arguments)
        except argparse.ArgumentError as error:
            raise RefusedError(str(error)) from None
        self.group, self.acl = words.group, words.acl
        self.ec2 = boto3.client("ec2", endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))
        self.interfaces = self._interfaces()
        self.rules = self.ec2.describe_security_groups(GroupIds=[self.group])["SecurityGroups"][0]

    def probe(self) -> dict[str, Any]:
        """Name the interfaces; with an ACL also the subnets, with the addresses of everybody in these."""
        ids = [
            {"id": each["NetworkInterfaceId"], "owner": _instance(each), "addresses": _addresses(each)}
            for each in self.interfaces
        ]
        for subnet in self._subnets() if self.acl else ():
            inside = self._described([{"Name": "subnet-id", "Values": [subnet]}])
            ids.append({"id": subnet, "addresses": [a for each in inside for a in _addresses(each)]})
        allowed = [ip_network(network) for network in self.block["allowed"]]
        come = [ip_network(network) for network in _networks(self.rules["IpPermissions"])]
        exception = all(any(n.version == c.version and n.subnet_of(c) for c in come) for n in allowed)
        quiet = not self.rules["IpPermissionsEgress"]
        can = {"established": bool(self.acl), "exception": exception and not self.acl, "answers_alone": quiet}
        return {"driver": "aws", "version": "1", "capabilities": can, "ids": ids}

    def read(self) -> Snapshot:
        """Give the groups of each interface, and the ACL of each subnet if one is to change."""
        groups = {
            each["NetworkInterfaceId"]: sorted(group["GroupId"] for group in each["Groups"])
            for each in self._interfaces()
        }
        return {"groups": groups, "acls": {subnet: self._association(subnet)[1] for subnet in self._subnets()}}

    def wanted(self, before: Snapshot) -> Snapshot:
        """Leave each interface the group alone."""
        allowed = [ip_network(network) for network in self.block["allowed"]]
        for network in _networks([*self.rules["IpPermissions"], *self.rules["IpPermissionsEgress"]]):
            if not any(n.version == (s := ip_network(network)).version and s.subnet_of(n) for n in allowed):
                raise RefusedError(f"{self.group} has a rule for {network}, which is not in `allow`: revoke it")
        acls = dict.fromkeys(before["acls"], self.acl) if self.acl else before["acls"]
        return {"groups": {interface: [self.group] for interface in before["groups"]}, "acls": acls}

    def write(self, snapshot: Snapshot) -> None:
        """Set each interface and each subnet that is otherwise."""
        now = self.read()
        steps: list[tuple[str, dict[str, Any]]] = [
            ("modify_network_interface_attribute", {"NetworkInterfaceId": interface, "Groups": groups})
            for interface, groups in snapshot["groups"].items()
            if now["groups"].get(interface) != groups
        ]
        steps += [
            ("replace_network_acl_association", {"AssociationId": self._association(subnet)[0], "NetworkAclId": acl})
            for subnet, acl in snapshot["acls"].items()
            if now["acls"].get(subnet) != acl
        ]
        for done, (method, words) in enumerate(steps):
            try:
                getattr(self.ec2, method)(**words)
            except (BotoCoreError, ClientError) as error:
                if done:
                    raise PartlyError(f"{done} of {len(steps)} are changed, and then: {error}") from error
                raise RefusedError(str(error)) from error

    def say(self, before: Snapshot, wanted: Snapshot) -> Said:
        """Name what lives on."""
        diff, gaps, notes = super().say(before, wanted)
        if not self.acl:
            text = "connections from before live on at AWS until they end, unless their rules were untracked"
            gaps.append({"text": text, "at_best": "partly"})
        return diff, gaps, notes

    def _interfaces(self) -> list[dict[str, Any]]:
        if self.target["guest"]:
            return self._described([{"Name": "attachment.instance-id", "Values": [self.target["guest"]]}])
        mine = set(self.target["addresses"])
        found = [each for each in self._described([]) if mine & set(_addresses(each))]
        instances = {_instance(each) for each in found}
        if len(instances) > 1:
            raise RefusedError(f"the addresses are of several instances: {', '.join(sorted(instances))}; set `guest`")
        whole = [each for each in self._described([]) if _instance(each) in instances - {""}]
        return whole or found

    def _described(self, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        try:
            pages = self.ec2.get_paginator("describe_network_interfaces").paginate(Filters=filters)
            found = [each for page in pages for each in page["NetworkInterfaces"]]
        except BotoCoreError as error:
            raise UnreachedError(str(error)) from error
        except ClientError as error:
            raise RefusedError(str(error)) from error
        return sorted(found, key=lambda each: str(each["NetworkInterfaceId"]))

    def _subnets(self) -> list[str]:
        return sorted({each["SubnetId"] for each in self.interfaces}) if self.acl else []

    def _association(self, subnet: str) -> tuple[str, str]:
        filters = [{"Name": "association.subnet-id", "Values": [subnet]}]
        for acl in self.ec2.describe_network_acls(Filters=filters)["NetworkAcls"]:
            for each in acl["Associations"]:
                if each["SubnetId"] == subnet:
                    return each["NetworkAclAssociationId"], each["NetworkAclId"]
        raise RefusedError(f"{subnet} has no network ACL")


def _instance(interface: dict[str, Any]) -> str:
    return str(interface.get("Attachment", {}).get("InstanceId", ""))


def _addresses(interface: dict[str, Any]) -> list[str]:
    private = interface.get("PrivateIpAddresses", [])
    found = [each["PrivateIpAddress"] for each in private]
    found += [each["Association"]["PublicIp"] for each in private if each.get("Association", {}).get("PublicIp")]
    found += [each["Ipv6Address"] for each in interface.get("Ipv6Addresses", [])]
    return found


def _networks(permissions: list[dict[str, Any]]) -> list[str]:
    fours = [each["CidrIp"] for rule in permissions for each in rule.get("IpRanges", [])]
    sixes = [each["CidrIpv6"] for rule in permissions for each in rule.get("Ipv6Ranges", [])]
    others = [
        each for rule in permissions for each in (*rule.get("UserIdGroupPairs", []), *rule.get("PrefixListIds", []))
    ]
    return [*fours, *sixes, *(["0.0.0.0/0"] if others else [])]


if __name__ == "__main__":
    serve(Aws)
